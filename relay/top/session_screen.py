"""All of one session, for as long as somebody looks at it."""

from __future__ import annotations

from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from relay.admin_client import AdminClient, AdminError
from relay.printable import printable
from relay.records.listing import sheet
from relay.records.session_record import SessionRecord, from_json
from relay.top.ending import end
from relay.top.watch import Watch, is_there

__all__ = ["SessionScreen"]


class SessionScreen(Screen[None]):
    """Its facts, its timeline, and how it is with it.

    Args:
        client: Asks the relay.
        session_id: Which one.
        interval: Seconds between two looks.
    """

    CSS = """
    SessionScreen VerticalScroll { padding: 1 2; }
    SessionScreen #trouble { color: $text-error; padding: 0 2; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", key_display="Esc"),
        Binding("e", "end", "end it"),
    ]

    def __init__(self, client: AdminClient, session_id: str, interval: float) -> None:
        super().__init__()
        self._client = client
        self._session_id = session_id
        self._watch = Watch(self._look, interval)
        self._ended = False
        self._record: SessionRecord | None = None

    def compose(self) -> ComposeResult:
        """What it is made of."""
        yield Static(id="trouble")
        with VerticalScroll():
            yield Static(Text("asking the relay"), id="sheet")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.run_worker(self._watch.run())
        self._watch.look_now()

    def action_end(self) -> None:
        """End it."""
        if self._record is not None:
            end(self, self._client, self._record, self._watch.look_now)

    async def _look(self) -> None:
        if self._ended:
            return
        shown, trouble = None, ""
        try:
            shown = await self._ask()
        except AdminError as error:
            trouble = str(error)
        if not is_there(self):
            return
        self.query_one("#trouble", Static).update(Text(trouble))
        if shown is not None:
            self.query_one("#sheet", Static).update(shown)

    async def _ask(self) -> RenderableType:
        answer = await self._client.get(f"/api/sessions/{self._session_id}")
        try:
            record = from_json(answer["session"])
            moments = [(float(each["at"]), str(each["what"])) for each in answer["timeline"]]
            sentence = str(answer["explanation"] or answer["standing"])
        except (LookupError, TypeError, ValueError, AttributeError):
            raise AdminError("the relay's record of it is of another version") from None
        self._record, self._ended = record, not answer["live"]
        return sheet(record, printable(sentence), moments)
