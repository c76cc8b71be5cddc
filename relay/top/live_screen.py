"""The live sessions: what is said of all of them, the table, and the filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from relay.admin_client import AdminClient, AdminError, NotAllowedError
from relay.printable import printable
from relay.top.columns import COLUMNS, counts
from relay.top.ending import end
from relay.top.live import Query
from relay.top.look import Look, look
from relay.top.session_screen import SessionScreen
from relay.top.table import SessionTable
from relay.top.watch import Watch, is_there

if TYPE_CHECKING:
    from relay.top.app import Top

__all__ = ["LiveScreen"]

_SORTS = [column.sort for column in COLUMNS if column.sort]


class LiveScreen(Screen[None]):
    """The main screen.

    Args:
        client: Asks the relay.
        first: What was seen already.
        interval: Seconds between two looks.
    """

    app: Top

    CSS = """
    LiveScreen #head { height: auto; padding: 0 1; background: $panel; }
    LiveScreen Input { display: none; }
    LiveScreen Input.wanted { display: block; }
    LiveScreen SessionTable { height: 1fr; }
    LiveScreen SessionTable.stale { opacity: 50%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("s", "sort(1)", "sort"),
        Binding("S", "sort(-1)", "sort", show=False),
        Binding("r", "reverse", "reverse"),
        Binding("e", "end", "end it"),
        Binding("p", "pause", "pause"),
        Binding("escape", "forget_filter", show=False),
    ]

    def __init__(self, client: AdminClient, first: Look, interval: float) -> None:
        super().__init__()
        self._client = client
        self._seen = first
        self._interval = interval
        self._query = Query()
        self._trouble = ""
        self._watch = Watch(self._look, interval)

    def compose(self) -> ComposeResult:
        """What it is made of."""
        yield Static(id="head")
        yield Input(placeholder="part of an id, model, token's name or address", id="filter")
        yield SessionTable()
        yield Footer()

    def on_mount(self) -> None:
        """Show what was seen already, and go on looking."""
        self._show()
        self.query_one(SessionTable).focus()
        self.run_worker(self._watch.run())

    def action_sort(self, step: int) -> None:
        """Sort by another column."""
        place = _SORTS.index(self._query.sort) + step
        self._ask_for(self._query._replace(sort=_SORTS[place % len(_SORTS)]))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._ask_for(self._query._replace(descending=not self._query.descending))

    def action_filter(self) -> None:
        """Let the user write a filter."""
        field = self.query_one(Input)
        field.add_class("wanted")
        field.focus()

    def action_forget_filter(self) -> None:
        """Show all again."""
        self.query_one(Input).value = ""
        self._leave_filter()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        session = self.query_one(SessionTable).selected
        if session is not None:
            self.app.push_screen(SessionScreen(self._client, session.id, self._interval))

    def action_end(self) -> None:
        """End the session under the cursor."""
        session = self.query_one(SessionTable).selected
        if session is not None:
            end(self, self._client, session, self._watch.look_now)

    def action_pause(self) -> None:
        """Stop looking, or go on."""
        self._watch.paused = not self._watch.paused
        if not self._watch.paused:
            self._watch.look_now()
        self._say()

    @on(DataTable.HeaderSelected)
    def _heading_selected(self, event: DataTable.HeaderSelected) -> None:
        sort = COLUMNS[event.column_index].sort
        if sort == self._query.sort:
            self.action_reverse()
        elif sort:
            self._ask_for(self._query._replace(sort=sort))

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        self._ask_for(self._query._replace(text=event.value.strip()))

    @on(Input.Submitted)
    def _filter_done(self) -> None:
        self._leave_filter()

    def _leave_filter(self) -> None:
        field = self.query_one(Input)
        field.set_class(bool(field.value.strip()), "wanted")
        self.query_one(SessionTable).focus()

    def _ask_for(self, query: Query) -> None:
        self._query = query
        self._watch.look_now()

    async def _look(self) -> None:
        if isinstance(self.app.screen, SessionScreen):
            return  # which looks for itself
        query = self._query
        try:
            self._seen = await look(self._client, query, self._seen.live)
            self._trouble = ""
        except NotAllowedError as error:
            self.app.fail(error)
            return
        except AdminError as error:
            self._trouble = f"{error}; trying again"
        is_wanted = query == self._query  # else the next look is about to begin
        if is_wanted and is_there(self):
            self._show()

    def _show(self) -> None:
        table = self.query_one(SessionTable)
        table.set_class(bool(self._trouble), "stale")
        table.show(self._seen.live.sessions, self._query)
        self._say()

    def _say(self) -> None:
        """Say above the table how it is with all of them."""
        live = self._seen.live
        head = Text.assemble((printable(self._client.url), "bold"), "  ", counts(live))
        if self._seen.draining:
            head.append("  draining", "bold yellow")
        if self._watch.paused:
            head.append("  paused", "bold yellow")
        if self._query.text or len(live.sessions) < live.matching:
            head.append(f"\n{live.matching:,} match, {len(live.sessions):,} shown")
        if self._trouble:
            head.append(f"\n{self._trouble}", "bold red")
        self.query_one("#head", Static).update(head)
