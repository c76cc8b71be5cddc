"""Asks for a reason to end a session, and whether to end it indeed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from relay.printable import printable
from relay.session_id import short_id

__all__ = ["EndDialog"]

_REASON = "ended by the operator"
_WHAT_FOLLOWS = (
    "Its client gets 1008 and this reason; the provider gets 1001. "
    "While it is still opening, its client gets 403 and this reason."
)
_LONGEST = 123  # bytes of a Close frame's reason (RFC 6455 5.5)


class EndDialog(ModalScreen[str | None]):
    """Gives the reason; None if the session is to go on.

    Args:
        session_id: Which session.
        session: The same in words.
    """

    CSS = """
    EndDialog { align: center middle; }
    EndDialog Vertical {
        width: 72; max-width: 100%; height: auto;
        padding: 1 2; background: $surface; border: round $error;
    }
    EndDialog Input { margin: 1 0; }
    EndDialog Horizontal { height: auto; align-horizontal: right; }
    EndDialog Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "go on")]

    def __init__(self, session_id: str, session: str) -> None:
        super().__init__()
        self._session_id = session_id
        self._session = session

    def compose(self) -> ComposeResult:
        """The question."""
        with Vertical():
            yield Static(Text(f"End {printable(self._session)}?", "bold"))
            yield Static(Text(f"{printable(short_id(self._session_id))}\n", "dim"))
            yield Static(Text(_WHAT_FOLLOWS))
            yield Input(_REASON, max_length=_LONGEST, select_on_focus=True)
            with Horizontal():
                yield Button("End it", variant="error", id="end")
                yield Button("Let it go on", id="keep")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The reason stands: only the confirmation is missing."""
        event.stop()
        self.query_one("#end", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        event.stop()
        reason = self.query_one(Input).value.strip() or _REASON
        self.dismiss(reason if event.button.id == "end" else None)
