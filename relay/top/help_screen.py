"""What the keys do."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

__all__ = ["HelpScreen"]

_HELP = """\
relay top: the sessions that are live

  ↑ ↓        choose a session         ← →   see more columns
  Enter      all of it                Esc   back
  s   S      sort by the next column, by the one before it
  r          reverse the order
  /          filter by part of an id, model, token's name or address
  e          end the session
  p          pause
  q          quit

A session is talking if somebody has sent something within the last
second; then it also says who. Bytes include frame headers; rates are
those between two looks. "added ms" is the time from reading a chunk to
writing it: half of them, and 99 %, took at most so long.

What a session used and cost is known when it has ended: relay sessions."""


class HelpScreen(ModalScreen[None]):
    """Help, until Escape."""

    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 78; max-width: 100%; height: auto; max-height: 100%;
        padding: 1 2; background: $surface; border: round $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "back", key_display="Esc"),
    ]

    def compose(self) -> ComposeResult:
        """Its text."""
        with VerticalScroll():
            yield Static(Text(_HELP))
