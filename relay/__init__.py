"""A self-hosted, byte-exact gateway for AI providers' realtime WebSocket APIs.

``relay.protocol`` is the sans-IO core; :func:`serve` runs the relay inside a Trio program.
"""

from relay.protocol import Timeouts
from relay.server import Server, serve
from relay.settings import Listener, Settings

__all__ = ["Listener", "Server", "Settings", "Timeouts", "serve"]
