"""Reading ``relay.toml``: from the file to settings, or to errors that say where and what."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from relay.config.model import ConfigModel, LimitsModel, ServerModel
from relay.config.resolver import Resolver
from relay.printable import printable
from relay.settings import Listener, Settings

__all__ = ["ConfigError", "key_path", "load", "read", "resolve"]

_DATE_AND_TIME = "must be a date and time with an offset, such as 2027-01-01T00:00:00Z"
_SENTENCES = {  # by pydantic's error types
    "bool_type": "must be true or false",
    "datetime_type": _DATE_AND_TIME,
    "dict_type": "must be a table",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "list_type": "must be an array",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_type": "must be a table",
    "string_type": "must be a string",
    "timezone_aware": _DATE_AND_TIME,
    "too_short": "must not be empty",
    "value_error": "{error}",
}


class ConfigError(Exception):
    """The configuration cannot be used.

    Args:
        path: The file.
        problems: One sentence each, with the path of the key it is about.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = [printable(problem) for problem in problems]
        super().__init__("\n".join(f"{printable(str(path))}: {each}" for each in self.problems))


def load(path: Path) -> Settings:
    """Read a configuration file.

    Args:
        path: The file; relative paths in it are relative to its folder.

    Raises:
        ConfigError: It cannot be read, is no TOML, or holds something that cannot be used.
    """
    return resolve(path, read(path))


def read(path: Path) -> ConfigModel:
    """Read what stands in a configuration file, and no other file.

    Raises:
        ConfigError: It cannot be read, is no TOML, or is not well-formed.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(path, [error.strerror or str(error)]) from None
    except UnicodeDecodeError:
        raise ConfigError(path, ["the file is not UTF-8"]) from None
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the latter: nesting without end
        raise ConfigError(path, [f"this is not TOML: {error}"]) from None
    try:
        return ConfigModel.model_validate(document)
    except ValidationError as error:
        raise ConfigError(path, [_sentence(each) for each in error.errors()]) from None


def resolve(path: Path, model: ConfigModel, listening: tuple[Listener, ...] = ()) -> Settings:
    """Find what a configuration names, and check that it makes sense.

    Args:
        path: The file that it stands in.
        model: What stands there.
        listening: Where the relay listens already, and will go on to.

    Raises:
        ConfigError: It holds something that cannot be used.
    """
    resolver = Resolver(model, path.parent, listening)
    settings = resolver.settings()
    if settings is None:
        raise ConfigError(path, resolver.problems)
    return settings


def _sentence(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors, in our words; never with the value, which may be a secret."""
    location = list(error["loc"])
    is_name = location[-1] == "[key]"
    if is_name:
        location.pop()
    if error["type"] == "extra_forbidden":
        return f"{key_path(location)}: unknown key{_suggestion(location)}"
    known = _SENTENCES.get(error["type"])
    sentence = known.format_map(error.get("ctx", {})) if known else error["msg"]
    return f"{key_path(location)}: {'the name ' if is_name else ''}{sentence}"


def key_path(location: list[str | int]) -> str:
    """Where a key stands, as TOML writes it, and the index of an array's element in brackets."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            path += ("." if path else "") + (part if bare else json.dumps(part))
    return path


def _suggestion(location: list[str | int]) -> str:
    """Where a key that stands in a wrong table belongs, or a known one that looks like it."""
    *tables, key = location
    for table, common in (("server", ServerModel), ("limits", LimitsModel)):
        if key in common.model_fields:
            return f" here (it stands in [{table}])"
    model: type[BaseModel] | None = ConfigModel
    for part in tables:
        if model is not None and part in model.model_fields:
            model = _model_of(model.model_fields[str(part)].annotation)
    known = model.model_fields if model else ()
    close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model in a type such as ``dict[str, M]`` or ``M | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for each in getattr(annotation, "__args__", ()):
        if (found := _model_of(each)) is not None:
            return found
    return None
