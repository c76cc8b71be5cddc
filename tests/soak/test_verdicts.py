"""How a session may end: the same as docs/faults.md says, where the page says it."""

from __future__ import annotations

import pytest

from tests.e2e.test_faults import ROWS, Row
from tests.soak.clients import GONE, STUCK
from tests.soak.plan import FAULTS, Client, Lane, Session
from tests.soak.verdicts import allowed, asked


def session(client: Client, fault: str = "", lane: Lane = Lane.VERBATIM) -> Session:
    return Session(client, fault, lane, client_tls=False, upstream_tls=False, number=0)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.fault in FAULTS and not row.behaviour], ids=str
)
def test_an_orderly_client_is_told_what_the_page_says(row: Row) -> None:
    assert allowed(session(Client.ORDERLY, row.fault, Lane(row.lane))) == {row.outcome}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("client", Client)
def test_every_session_may_end_somehow_but_never_hang(client: Client, fault: str) -> None:
    for lane in Lane:
        outcomes = allowed(session(client, fault, lane))
        assert outcomes
        assert STUCK not in outcomes


def test_who_is_not_let_in_gets_no_further() -> None:
    assert allowed(session(Client.WRONG_TOKEN, "drop")) == {"401 from the relay, code 2009"}


def test_only_who_goes_away_may_not_know() -> None:
    assert {each for each in Client if GONE in allowed(session(each))} == {
        Client.LEAVES,
        Client.RESETS,
        Client.QUITS,
        Client.PARTIAL,
        Client.SILENT,
    }


def test_a_log_tells_of_those_who_asked() -> None:
    strangers = {Client.PARTIAL, Client.SILENT, Client.WRONG_TOKEN}
    assert {each for each in Client if not asked(session(each))} == strangers
