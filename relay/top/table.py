"""The table of live sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from relay.top.columns import COLUMNS
from relay.top.live import Query, Session

__all__ = ["SessionTable"]


class SessionTable(DataTable[Text]):
    """Rows that change in place: the cursor stays on its session, and the view where it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "show one", key_display="Enter"),
    ]

    def __init__(self) -> None:
        super().__init__(cursor_type="row", cursor_foreground_priority="renderable")
        self._sessions: Sequence[Session] = ()
        self._sorted: tuple[str, bool] | None = None

    @property
    def selected(self) -> Session | None:
        """The session under the cursor."""
        return self._sessions[self.cursor_row] if self._sessions else None

    def show(self, sessions: Sequence[Session], query: Query) -> None:
        """Show these.

        Args:
            sessions: In their order.
            query: Says in which one.
        """
        selected = self.selected
        if self._sorted != (query.sort, query.descending):
            self._sorted = query.sort, query.descending
            self._head(query)
        for number, session in enumerate(sessions):
            cells = [column.cell(session) for column in COLUMNS]
            if number >= self.row_count:
                self.add_row(*cells, key=str(number))
                continue
            for column, cell in enumerate(cells):
                place = Coordinate(number, column)
                if self.get_cell_at(place) != cell:
                    self.update_cell_at(place, cell, update_width=True)
        while self.row_count > len(sessions):
            self.remove_row(str(self.row_count - 1))
        self._sessions = sessions
        if selected is not None:
            self._follow(selected.id)

    def _head(self, query: Query) -> None:
        """Begin anew, with a mark at the column by which rows are sorted."""
        self.clear(columns=True)
        for number, column in enumerate(COLUMNS):
            mark = ("▼" if query.descending else "▲") if column.sort == query.sort else " "
            heading = Text(f"{column.heading} {mark}")
            self.add_column(heading, key=str(number))

    def _follow(self, session_id: str) -> None:
        for number, session in enumerate(self._sessions):
            if session.id == session_id and number != self.cursor_row:
                self.move_cursor(row=number, scroll=False)
