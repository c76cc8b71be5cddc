"""``relay.toml`` of a relay that runs, read again when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
import trio

from relay.config.loading import ConfigError, key_path, read, resolve
from relay.config.model import ConfigModel
from relay.log import log_fault
from relay.printable import printable
from relay.server import Server
from relay.settings import Listener, Settings

__all__ = ["ConfigFile", "changed_keys"]

_MOST_KEYS = 20  # named in a log line
_log = structlog.get_logger()


class ConfigFile:
    """The file that a relay runs by.

    Args:
        path: Where it is.

    Raises:
        ConfigError: It cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._model, self.settings = self._load()

    async def reload(self, server: Server) -> None:
        """Read it again, have the server run by it, and log what came of that.

        What cannot be used changes nothing. It is read in a thread: hundreds of tokens and trust
        roots take longer than an open session should wait.
        """
        if server.draining is not None:
            self._say_why_not("the relay is draining")
            return
        try:
            model, settings = await trio.to_thread.run_sync(
                self._load, server.settings.listeners, abandon_on_cancel=True
            )
        except ConfigError as error:
            self._say_why_not(*error.problems)
            return
        except Exception as error:  # noqa: BLE001 - the fence: the relay goes on as it was
            log_fault(_log.bind(doing="reloading the configuration"), error)
            return
        if server.reload(settings):
            _log.info("configuration reloaded", changed=changed_keys(self._model, model))
            self._model, self.settings = model, settings
        else:
            self._say_why_not("the relay is draining")

    def _say_why_not(self, *problems: str) -> None:
        for problem in problems:
            _log.error(
                "configuration not reloaded", file=printable(str(self._path)), problem=problem
            )

    def _load(self, listening: tuple[Listener, ...] = ()) -> tuple[ConfigModel, Settings]:
        model = read(self._path)
        return model, resolve(self._path, model, listening)


def changed_keys(old: ConfigModel, new: ConfigModel) -> list[str]:
    """The paths of keys whose values differ, without the values: for the log.

    Files that they name are read again, and may have changed besides.
    """
    keys = [printable(each) for each in _changed(old.model_dump(), new.model_dump(), [])]
    rest = len(keys) - _MOST_KEYS
    return [*keys[:_MOST_KEYS], f"and {rest} more"] if rest > 0 else keys


def _changed(old: Any, new: Any, location: list[str | int]) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _changed(old.get(key), new.get(key), [*location, key])
    else:
        yield key_path(location)
