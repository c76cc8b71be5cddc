"""The relay's commands, as on a system without epoll: sessions are carried by the portable pump."""

from __future__ import annotations

from unittest.mock import patch

from relay.cli import main
from relay.drivers.reactor import Reactor

if __name__ == "__main__":
    with patch.object(Reactor, "is_available", return_value=False):
        main()
