"""``[admin]``: where the operator connects, and with which token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from relay.config.listeners import read_listener, read_tls
from relay.config.model import AdminModel
from relay.settings import AdminSettings

__all__ = ["admin_settings"]


def admin_settings(
    model: AdminModel, folder: Path, problem: Callable[[str, str], None]
) -> AdminSettings | None:
    """Resolve the table.

    Args:
        model: The table.
        folder: What relative paths are relative to.
        problem: Called with the path of a key and a sentence about it.

    Returns:
        None if there are problems.
    """
    listener = read_listener(model.listen, folder, tls=model.tls is not None)
    tls = None
    if listener is None:
        problem("admin.listen", "must be HOST:PORT, https://HOST:PORT or unix:PATH")
    elif listener.scheme == "https" and model.tls is None:
        problem("admin.tls", "is missing, and the listener is https")
    elif listener.is_overheard and model.token_sha256 is not None:
        problem(
            "admin.listen",
            "is not loopback, so the token could be read on its way: set tls, or listen on "
            "loopback or a Unix socket behind a proxy that has TLS",
        )
    if model.tls is not None:
        tls = read_tls(model.tls, folder, "admin.tls", problem)
    if listener is None:
        return None
    return AdminSettings(
        listener=listener,
        token_sha256=None if model.token_sha256 is None else bytes.fromhex(model.token_sha256),
        hosts=frozenset(model.hosts),
        tls=tls,
    )
