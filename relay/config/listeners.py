"""Where a relay listens, for its clients or for its operator."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from relay.config.model import TlsModel
from relay.host_port import host_and_port
from relay.settings import Listener
from relay.tls import ServerTls

__all__ = ["read_listener", "read_tls"]


def read_listener(text: str, folder: Path, *, tls: bool) -> Listener | None:
    """Read ``HOST:PORT`` with or without a scheme, or ``unix:PATH``.

    Args:
        text: What stands in the file.
        folder: What a relative path is relative to.
        tls: Whether it is ``https`` if it has no scheme.

    Returns:
        None if it is neither.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return Listener("unix", str(folder / path)) if path and "\0" not in path else None
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "https" if tls else "http", text
    address = host_and_port(rest)
    if address is None or scheme not in {"http", "https"}:
        return None
    return Listener(scheme, *address)


def read_tls(
    files: TlsModel, folder: Path, where: str, problem: Callable[[str, str], None]
) -> ServerTls | None:
    """Read a certificate and its key.

    Args:
        files: Where they are.
        folder: What relative paths are relative to.
        where: The path of their key in the configuration.
        problem: Called with that and a sentence, if they cannot be used; then None is returned.
    """
    certificate, key = folder / files.certificate, folder / files.key
    try:
        return ServerTls(certificate, key)
    except ssl.SSLError:
        problem(where, f"{certificate}, {key}: not a certificate and its key")
    except OSError as error:
        problem(where, f"{error.filename or certificate}: {error.strerror}")
    return None
