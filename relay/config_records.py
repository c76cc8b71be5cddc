"""``[records]``: where records go, and how long they stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from relay.config_model import RecordsModel
from relay.key_source import FileKey, read_key
from relay.records.settings import STDOUT, RecordSettings
from relay.records.store import StoreError, check_driver, check_url

__all__ = ["record_settings"]

_NO_STORE = "none"


def record_settings(
    model: RecordsModel,
    folder: Path,
    problem: Callable[[str, str], None],
    *,
    inline_secrets: bool,
) -> RecordSettings:
    """Resolve the table.

    Args:
        model: The table.
        folder: What relative paths are relative to.
        problem: Called with the path of a key and a sentence about it.
        inline_secrets: Whether the password of a database may stand in the file.
    """
    store = None
    if model.store != _NO_STORE:
        try:
            text = model.store
            if text.startswith(("env:", "file:")):
                source = read_key(text, folder, inline=False)
                key = source() if isinstance(source, FileKey) else source
                store = check_url(key.reveal().decode("ascii"), folder)
            else:
                store = check_url(text, folder)
                if store.password is not None and not inline_secrets:
                    raise ValueError(  # noqa: TRY301
                        "holds a password: put the URL into env:NAME or file:PATH, unless "
                        "[server] says allow_inline_secrets = true"
                    )
            check_driver(store)
        except (ValueError, StoreError) as error:
            problem("records.store", str(error))
    lines: Path | str | None = model.json_lines
    if lines is not None and lines != STDOUT:
        lines = folder / lines
    return RecordSettings(store, model.retention_days, lines)
