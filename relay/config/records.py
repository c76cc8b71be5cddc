"""``[records]``: where records go, and how long they stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from relay.config.model import RecordsModel
from relay.host_port import host_and_port
from relay.key_source import KeySource, current_key, read_key
from relay.records.settings import STDOUT, Collector, OtlpSettings, RecordSettings
from relay.records.store import StoreError, check_driver, check_url

__all__ = ["record_settings"]

_NO_STORE = "none"
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_OUR_FIELDS = re.compile(r"host|connection|content-.*|transfer-encoding|te|trailer|expect|upgrade")


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
        inline_secrets: Whether secrets may stand in the file.
    """
    store = None
    if model.store != _NO_STORE:
        try:
            text = model.store
            if text.startswith(("env:", "file:")):
                key = current_key(read_key(text, folder, inline=False))
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
    otlp = None
    headers = _headers(model.otlp_headers, folder, problem, inline=inline_secrets)
    if model.otlp is not None:
        try:
            otlp = OtlpSettings(_collector(model.otlp), headers)
            _check_extra()
        except ValueError as error:
            problem("records.otlp", str(error))
    elif model.otlp_headers:
        problem("records.otlp_headers", "nothing is sent: there is no otlp")
    return RecordSettings(store, model.retention_days, lines, otlp)


def _collector(url: str) -> Collector:
    """Read where traces go.

    Raises:
        ValueError: It is no such URL; the sentence does not hold it, for a key may be in it.
    """
    try:
        parts = urlsplit(url)
        port = 443 if parts.scheme == "https" else 80
        where = host_and_port(parts.netloc) or host_and_port(f"{parts.netloc}:{port}")
    except ValueError:
        where = None
    if where is None or parts.scheme not in {"http", "https"} or len(parts.path) < 2:
        raise ValueError('must be a URL such as "http://127.0.0.1:4318/v1/traces"')
    if parts.query or parts.fragment:
        raise ValueError("must end with its path: credentials go into otlp_headers")
    return Collector(parts.scheme == "https", *where, parts.netloc, parts.path)


def _check_extra() -> None:
    """See that traces can be sent.

    Raises:
        ValueError: What is needed is not installed, or cannot be loaded.
    """
    try:
        import relay.records.otlp  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise ValueError(
            "needs OpenTelemetry: install the extra 'otlp' of realtime-relay"
        ) from None


def _headers(
    wanted: Mapping[str, str], folder: Path, problem: Callable[[str, str], None], *, inline: bool
) -> dict[str, KeySource]:
    headers: dict[str, KeySource] = {}
    for name, text in wanted.items():
        where, lower = f"records.otlp_headers.{name}", name.lower()
        if not _FIELD_NAME.fullmatch(lower):
            problem("records.otlp_headers", f"{name!r} cannot be the name of a field")
        elif _OUR_FIELDS.fullmatch(lower):
            problem(where, "the relay writes it itself")
        elif lower in headers:
            problem(where, "stands there twice")
        else:
            try:
                headers[lower] = read_key(text, folder, inline=inline, spaces=True)
            except ValueError as error:
                problem(where, str(error))
    return headers
