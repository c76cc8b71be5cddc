"""The application."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from relay.admin_client import AdminClient, AdminError
from relay.top.help_screen import HelpScreen
from relay.top.live_screen import LiveScreen
from relay.top.look import Look

__all__ = ["Top"]


class Top(App[None]):
    """The live sessions of a relay, until the user has enough.

    Args:
        client: Asks the relay.
        first: What was seen already.
        interval: Seconds between two looks.
    """

    TITLE = "relay top"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True),
    ]

    def __init__(self, client: AdminClient, first: Look, interval: float) -> None:
        super().__init__()
        self._live = LiveScreen(client, first, interval)
        self.failure: AdminError | None = None
        """Why it ended, if not because the user had enough."""

    def on_mount(self) -> None:
        """Begin with the table."""
        self.push_screen(self._live)

    def action_help(self) -> None:
        """Say what the keys do."""
        self.push_screen(HelpScreen())

    def fail(self, error: AdminError) -> None:
        """End because of something that does not get better."""
        self.failure = error
        self.exit()
