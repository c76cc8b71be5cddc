"""A self-hosted, byte-exact gateway for AI providers' realtime WebSocket APIs.

``relay.protocol`` is the sans-IO core; :func:`serve` runs the relay inside a Trio program, which
can take part by :class:`Hooks`. Who imports the core alone loads nothing else: what is named here
is loaded when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.config import ConfigError, load
    from relay.hooks import Asked, Granted, Hooks
    from relay.protocol import Timeouts
    from relay.records.session_record import SessionRecord
    from relay.server import Server, serve
    from relay.settings import Listener, Settings

__all__ = [
    "Asked",
    "ConfigError",
    "Granted",
    "Hooks",
    "Listener",
    "Server",
    "SessionRecord",
    "Settings",
    "Timeouts",
    "load",
    "serve",
]

_HOMES = {
    "config": ("ConfigError", "load"),
    "hooks": ("Asked", "Granted", "Hooks"),
    "protocol": ("Timeouts",),
    "server": ("Server", "serve"),
    "records.session_record": ("SessionRecord",),
    "settings": ("Listener", "Settings"),
}


if not TYPE_CHECKING:  # else any name would seem to be there

    def __getattr__(name: str) -> object:
        for module, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"relay.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
