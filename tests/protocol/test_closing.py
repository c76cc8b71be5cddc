"""The closing table, cell by cell, against its rules written out once more."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import (
    Cause,
    Close,
    Grace,
    Leg,
    Limits,
    MessagePipe,
    Pipe,
    State,
    closing,
    ending,
    farewell,
    grace,
    policy,
)
from relay.protocol.frames import CLOSE, TEXT
from relay.testing.frames import MASKING_KEY, Frame, decode
from relay.testing.hostile_frames import REJECTED, Rejected, mirror
from tests.protocol.directions import key

OPEN, CLOSING, CLOSED, FAILED = State.OPEN, State.CLOSING, State.CLOSED, State.FAILED
WITHHELD = State.WITHHELD

OF_A_PROVIDER = [OPEN, CLOSING, CLOSED, FAILED]
"""A Close of the provider's is never kept for later."""
CELLS = list(itertools.product(State, OF_A_PROVIDER))

CLIENT_CLOSE = Close(4001, "done")
PROVIDER_CLOSE = Close(3000, "insufficient_quota")

# Why the relay ends a session that neither side ended: what the client and the provider are told.
CAUSES: dict[str, tuple[Cause, Close | None, Close | None]] = {
    "idle_timeout": (
        closing.IDLE,
        Close(1001, "idle timeout"),
        Close(1001, "idle timeout"),
    ),
    "draining": (closing.DRAINING, Close(1001, "going away"), Close(1001, "going away")),
    "told to restart": (
        closing.RESTARTING,
        Close(1012, "service restart"),
        Close(1001, "going away"),
    ),
    "client took nothing": (closing.CLIENT_STALLED, None, Close(1001, "client stalled")),
    "provider took nothing": (closing.UPSTREAM_STALLED, Close(1011, "upstream stalled"), None),
    "client lost": (closing.CLIENT_LOST, None, Close(1001, "going away")),
    "provider lost": (
        closing.UPSTREAM_LOST,
        Close(1011, "upstream connection lost"),
        None,
    ),
    "client answered no ping": (closing.CLIENT_SILENT, None, Close(1001, "going away")),
    "provider answered no ping": (
        closing.UPSTREAM_SILENT,
        Close(1011, "upstream connection lost"),
        None,
    ),
    "not the relay": (closing.PEERS, None, None),
    "close_timeout": (closing.CLOSE_TIMEOUT, None, None),
    "a fault of ours": (
        closing.FAULT,
        Close(1011, "internal error"),
        Close(1011, "internal error"),
    ),
    "a policy": (policy("budget spent"), Close(1008, "budget spent"), Close(1001, "going away")),
}

LOST = Close(1011, "upstream connection lost")
VIOLATED = Close(1011, "upstream protocol error")
AWAY = Close(1001, "going away")
CLIENT_VIOLATION = Close(1009, "message too big")
PROVIDER_VIOLATION = Close(1002, "reserved opcode")

BY_CAUSE = "by cause"

# (inbound, outbound): the Close that the relay adds towards the client, and towards the provider.
# A Close that was forwarded has been seen already: nothing may follow it, so the first column is
# None wherever outbound is CLOSING, and the second wherever inbound is. A side that is gone
# (CLOSED) is told nothing either. A side whose own Close the other did not live to answer gets
# that Close back (RFC 6455 5.5.1), and so does a client whose Close the provider has not had yet.
EXPECTED: dict[tuple[State, State], tuple[Close | str | None, Close | str | None]] = {
    (OPEN, OPEN): (BY_CAUSE, BY_CAUSE),
    (OPEN, CLOSING): (None, BY_CAUSE),
    (OPEN, CLOSED): (LOST, None),
    (OPEN, FAILED): (VIOLATED, PROVIDER_VIOLATION),
    (CLOSING, OPEN): (BY_CAUSE, None),
    (CLOSING, CLOSING): (None, None),
    (CLOSING, CLOSED): (CLIENT_CLOSE, None),
    (CLOSING, FAILED): (VIOLATED, None),
    (WITHHELD, OPEN): (CLIENT_CLOSE, CLIENT_CLOSE),
    (WITHHELD, CLOSING): (None, CLIENT_CLOSE),
    (WITHHELD, CLOSED): (CLIENT_CLOSE, None),
    (WITHHELD, FAILED): (VIOLATED, PROVIDER_VIOLATION),
    (CLOSED, OPEN): (None, AWAY),
    (CLOSED, CLOSING): (None, PROVIDER_CLOSE),
    (CLOSED, CLOSED): (None, None),
    (CLOSED, FAILED): (None, PROVIDER_VIOLATION),
    (FAILED, OPEN): (CLIENT_VIOLATION, AWAY),
    (FAILED, CLOSING): (None, PROVIDER_CLOSE),
    (FAILED, CLOSED): (CLIENT_VIOLATION, None),
    (FAILED, FAILED): (CLIENT_VIOLATION, PROVIDER_VIOLATION),
}

LIMITS = Limits(max_message_size=100)
ENDS: dict[tuple[State, bool], list[bytes]] = {  # by state and direction, with masking for inbound
    (OPEN, True): [],
    (OPEN, False): [],
    (CLOSING, True): [Frame(CLOSE, CLIENT_CLOSE.payload()).encode(MASKING_KEY)],
    (CLOSING, False): [Frame(CLOSE, PROVIDER_CLOSE.payload()).encode()],
    (WITHHELD, True): [Frame(CLOSE, CLIENT_CLOSE.payload()).encode(MASKING_KEY)],
    (CLOSED, True): [b""],
    (CLOSED, False): [b""],
    (FAILED, True): [Frame(TEXT, missing=101).encode(MASKING_KEY)],
    (FAILED, False): [Frame(3).encode()],
}


def pipe(state: State, *, masked: bool, lane: type[Pipe] = Pipe) -> Pipe:
    """A direction that carried a message and then came into this state."""
    made = lane(masked=masked, limits=LIMITS)
    made.withhold_close_while(lambda: state is WITHHELD)
    assert made.receive_data(Frame(TEXT, b"Hello").encode(key(masked)))
    for data in ENDS[state, masked]:
        made.receive_data(data)
    assert made.state is state
    return made


def injected(leg: Leg, *, masked: bool) -> Close | None:
    """The Close that stands in a leg's last bytes, and nothing but it."""
    if not leg.frame:
        return None
    (frame,) = decode(leg.frame, masked=masked)
    assert frame == Frame(CLOSE, frame.payload)
    return Close.parse(frame.payload)


every_cell = pytest.mark.parametrize(
    ("inbound_state", "outbound_state"),
    CELLS,
    ids=lambda state: state.value,
)
every_cause = pytest.mark.parametrize("cause", CAUSES)


def documented(columns: int) -> list[list[str]]:
    """The rows of the table with so many columns in docs/closing.md, without its head."""
    lines = (Path(__file__).parents[2] / "docs" / "closing.md").read_text().splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if len(row) == columns][2:]


def test_the_documented_table_is_the_one_that_decides() -> None:
    assert documented(columns=4) == [
        [
            inbound.value,
            outbound.value,
            closing.TO_CLIENT[inbound, outbound].value,
            closing.TO_UPSTREAM[inbound, outbound].value,
        ]
        for inbound, outbound in CELLS
    ]


def test_the_documented_causes_are_those_that_decide() -> None:
    def cell(close: Close | None) -> str:
        return f"{close.code} {close.reason}" if close else "-"

    every = [each for each in vars(closing).values() if isinstance(each, Cause)]
    every += [policy("and the reason"), closing.operator("and the reason")]
    assert sorted(documented(columns=3)) == sorted(
        [each.name, cell(each.to_client), cell(each.to_upstream)] for each in every
    )


def test_every_cause_is_tested() -> None:
    tested = [why for why, _, _ in CAUSES.values()]
    assert all(each in tested for each in vars(closing).values() if isinstance(each, Cause))


@every_cell
@every_cause
@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
def test_every_cell_says_what_the_contract_says(
    lane: type[Pipe], cause: str, inbound_state: State, outbound_state: State
) -> None:
    inbound = pipe(inbound_state, masked=True, lane=lane)
    outbound = pipe(outbound_state, masked=False, lane=lane)
    why, *by_cause = CAUSES[cause]
    expected = [
        instead if say == BY_CAUSE else say
        for say, instead in zip(EXPECTED[inbound_state, outbound_state], by_cause, strict=True)
    ]
    end = ending(inbound, outbound, why, MASKING_KEY)
    told = [injected(end.client, masked=False), injected(end.upstream, masked=True)]
    assert told == expected
    assert {close.code for close in told if close} <= {
        1001,
        1002,
        1008,
        1009,
        1011,
        1012,
        3000,
        4001,
    }
    # What each side was told in the end: the other's Close, if that was forwarded, or ours.
    assert end.client.close == (outbound.close or told[0])
    assert end.upstream.close == (inbound.close or told[1])
    assert not end.client.reset
    assert not end.upstream.reset


@every_cell
@every_cause
def test_no_close_follows_one_that_was_forwarded(
    cause: str, inbound_state: State, outbound_state: State
) -> None:
    inbound = pipe(inbound_state, masked=True)
    outbound = pipe(outbound_state, masked=False)
    end = ending(inbound, outbound, CAUSES[cause][0], MASKING_KEY)
    assert not (outbound_state is CLOSING and end.client.frame)
    assert not (inbound_state is CLOSING and end.upstream.frame)


@every_cell
@every_cause
def test_a_leg_on_which_a_send_failed_is_reset_and_the_other_is_not(
    cause: str, inbound_state: State, outbound_state: State
) -> None:
    def end(failed: str) -> closing.Ending:
        inbound = pipe(inbound_state, masked=True)
        outbound = pipe(outbound_state, masked=False)
        for direction in {"inbound": [inbound], "outbound": [outbound]}.get(failed, []):
            direction.send_failed()
        return ending(inbound, outbound, CAUSES[cause][0], MASKING_KEY)

    reset = Leg(close=None, frame=b"", reset=True)
    assert end("inbound") == closing.Ending(end("none").client, reset)
    assert end("outbound") == closing.Ending(reset, end("none").upstream)


@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
@pytest.mark.parametrize("at_end", [OPEN, CLOSED])
@every_cause
def test_a_leg_that_stands_inside_a_frame_is_reset(
    cause: str, at_end: State, lane: type[Pipe]
) -> None:
    outbound = lane(masked=False, limits=LIMITS)
    outbound.receive_data(Frame(TEXT, b"y" * 50, missing=50).encode())
    if at_end is CLOSED:
        outbound.receive_data(b"")
    end = ending(pipe(OPEN, masked=True), outbound, CAUSES[cause][0], MASKING_KEY)
    # The message lane sends whole frames only, so the client can still be told.
    assert end.client.reset is (lane is Pipe)
    if lane is Pipe:
        assert end.client == Leg(close=None, frame=b"", reset=True)
    assert not end.upstream.reset


def test_the_close_to_the_provider_is_masked_with_the_key_given() -> None:
    end = ending(pipe(OPEN, masked=True), pipe(OPEN, masked=False), closing.DRAINING, MASKING_KEY)
    close = Frame(CLOSE, b"\x03\xe9going away")
    assert end.client.frame == close.encode()
    assert end.upstream.frame == close.encode(MASKING_KEY)


@pytest.mark.parametrize(
    "payload", [b"", b"\x03\xe8", b"\x03\xf6bad gateway", b"\x13\x87" + b"r" * 123]
)
def test_a_close_that_was_not_answered_comes_back_as_it_was(payload: bytes) -> None:
    closing_client = Pipe(masked=True, limits=LIMITS)
    closing_client.receive_data(Frame(CLOSE, payload).encode(MASKING_KEY))
    end = ending(closing_client, pipe(CLOSED, masked=False), closing.FAULT, MASKING_KEY)
    assert end.client.frame == Frame(CLOSE, payload).encode()

    closing_provider = Pipe(masked=False, limits=LIMITS)
    closing_provider.receive_data(Frame(CLOSE, payload).encode())
    end = ending(pipe(CLOSED, masked=True), closing_provider, closing.FAULT, MASKING_KEY)
    assert end.upstream.frame == Frame(CLOSE, payload).encode(MASKING_KEY)


@pytest.mark.parametrize("hostile", REJECTED, ids=lambda hostile: hostile.name)
def test_each_side_is_told_its_own_violation_and_the_other_is_not(hostile: Rejected) -> None:
    inbound = Pipe(masked=True, limits=Limits())
    inbound.receive_data(hostile.accepted + hostile.broken)
    end = ending(inbound, pipe(OPEN, masked=False), closing.FAULT, MASKING_KEY)
    assert injected(end.client, masked=False) == Close(hostile.close_code, hostile.error)
    assert injected(end.upstream, masked=True) == AWAY

    outbound = Pipe(masked=False, limits=Limits())
    outbound.receive_data(mirror(hostile.accepted + hostile.broken))
    end = ending(pipe(OPEN, masked=True), outbound, closing.FAULT, MASKING_KEY)
    told = injected(end.upstream, masked=True)
    assert told == Close(hostile.close_code, hostile.error.replace("not masked", "masked"))
    assert injected(end.client, masked=False) == VIOLATED


def test_text_that_is_not_utf_8_is_told_as_1007() -> None:
    inbound = MessagePipe(masked=True, limits=LIMITS)
    inbound.receive_data(Frame(TEXT, b"\xff").encode(MASKING_KEY))
    end = ending(inbound, pipe(OPEN, masked=False), closing.FAULT, MASKING_KEY)
    assert injected(end.client, masked=False) == Close(1007, "text is not UTF-8")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", ""),
        ("ended by an operator", "ended by an operator"),
        ("r" * 123, "r" * 123),
        ("r" * 124, "r" * 123),
        ("é" * 100, "é" * 61),
        ("€" * 100, "€" * 41),
        ("r" * 121 + "😀", "r" * 121),
        ("lone \ud800 surrogate", "lone ? surrogate"),
    ],
)
def test_the_reason_of_a_policy_is_cut_at_a_character(reason: str, told: str) -> None:
    end = ending(pipe(OPEN, masked=True), pipe(OPEN, masked=False), policy(reason), MASKING_KEY)
    assert injected(end.client, masked=False) == Close(1008, told)
    assert injected(end.upstream, masked=True) == AWAY


@given(reason=st.text(st.characters(), max_size=200))
def test_any_reason_of_a_policy_can_be_told(reason: str) -> None:
    end = ending(pipe(OPEN, masked=True), pipe(OPEN, masked=False), policy(reason), MASKING_KEY)
    close = injected(end.client, masked=False)
    assert close is not None
    assert close.code == 1008


@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
def test_a_provider_hears_of_a_violation_before_the_client(lane: type[Pipe]) -> None:
    inbound, outbound = lane(masked=True, limits=Limits()), lane(masked=False, limits=Limits())
    inbound.receive_data(Frame(0x3).encode(MASKING_KEY))
    assert inbound.state is FAILED
    told = decode(farewell(inbound, outbound, MASKING_KEY), masked=True)
    assert told == [Frame(CLOSE, Close(1001, "going away").payload())]
    answer = Frame(TEXT, b"answer").encode()
    assert outbound.receive_data(answer + told[0].encode()) == answer
    end = ending(inbound, outbound, closing.PEERS, MASKING_KEY)
    assert end.client.close == Close(1002, str(inbound.error))
    assert end.upstream == Leg(Close(1001, "going away"), b"", reset=False)


@pytest.mark.parametrize("says", [b"", Frame(0x3).encode()], ids=["nothing", "a violation"])
def test_a_provider_that_does_not_answer_a_farewell_is_reset(says: bytes) -> None:
    inbound, outbound = pipe(FAILED, masked=True), pipe(OPEN, masked=False)
    assert farewell(inbound, outbound, MASKING_KEY)
    if says:
        outbound.receive_data(says)
    end = ending(inbound, outbound, closing.PEERS, MASKING_KEY)
    assert end.client.close == CLIENT_VIOLATION
    assert end.upstream == Leg(None, b"", reset=True)


@pytest.mark.parametrize(
    ("inbound_state", "outbound_state"), [each for each in CELLS if each != (FAILED, OPEN)]
)
def test_there_is_no_farewell_where_the_client_did_nothing_wrong_or_the_provider_has_ended(
    inbound_state: State, outbound_state: State
) -> None:
    inbound, outbound = pipe(inbound_state, masked=True), pipe(outbound_state, masked=False)
    close = inbound.close
    assert farewell(inbound, outbound, MASKING_KEY) == b""
    assert inbound.close is close


@every_cell
@every_cause
def test_how_long_the_rest_may_take(
    cause: str, inbound_state: State, outbound_state: State
) -> None:
    """Who lives may have the rest of its frame, unless it has had the time already; and after a
    close timeout, there is none."""
    why = CAUSES[cause][0]
    inbound, outbound = pipe(inbound_state, masked=True), pipe(outbound_state, masked=False)
    got = grace(inbound, outbound, why, 5)
    if why is closing.CLOSE_TIMEOUT:
        assert got == Grace(inbound=0, outbound=0, legs=0)
        return
    if why in {closing.CLIENT_LOST, closing.UPSTREAM_LOST}:
        assert got == Grace(inbound=0, outbound=0, legs=5)
        return
    client_gone = inbound_state is CLOSED or cause in {
        "client took nothing",
        "client answered no ping",
    }
    provider_gone = outbound_state is CLOSED or cause in {
        "provider took nothing",
        "provider answered no ping",
    }
    assert (got.outbound, got.inbound, got.legs) == (
        5 * (not client_gone),
        5 * (not provider_gone),
        5,
    )


def test_after_a_farewell_no_time_is_left_for_frames() -> None:
    inbound, outbound = pipe(FAILED, masked=True), pipe(OPEN, masked=False)
    assert farewell(inbound, outbound, MASKING_KEY)
    assert grace(inbound, outbound, closing.PEERS, 5) == Grace(inbound=0, outbound=0, legs=5)


def test_a_provider_cannot_hear_of_it_inside_a_frame() -> None:
    inbound, outbound = Pipe(masked=True, limits=Limits()), Pipe(masked=False, limits=Limits())
    inbound.receive_data(Frame(0x3).encode(MASKING_KEY))
    inbound.send_failed()
    assert farewell(inbound, outbound, MASKING_KEY) == b""
    close = Frame(CLOSE, PROVIDER_CLOSE.payload()).encode()
    assert outbound.receive_data(close) == close


@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
@pytest.mark.parametrize("at_end", OF_A_PROVIDER, ids=lambda state: state.value)
def test_a_provider_that_is_still_heard_is_told_in_the_end(at_end: State, lane: type[Pipe]) -> None:
    """And the client at once, whatever becomes of the provider."""
    inbound, outbound = pipe(WITHHELD, masked=True, lane=lane), pipe(OPEN, masked=False, lane=lane)
    at_once = ending(inbound, outbound, closing.PEERS, MASKING_KEY)
    assert injected(at_once.client, masked=False) == CLIENT_CLOSE
    for data in ENDS[at_end, False]:
        outbound.receive_data(data)
    last = ending(inbound, outbound, closing.PEERS, MASKING_KEY).upstream
    told = {CLOSED: None, FAILED: PROVIDER_VIOLATION}.get(at_end, CLIENT_CLOSE)
    assert (last.close, injected(last, masked=True)) == (told, told)


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x13\x87" + b"r" * 123])
def test_a_close_that_was_kept_is_answered_and_forwarded_as_it_was(payload: bytes) -> None:
    inbound = Pipe(masked=True, limits=LIMITS)
    inbound.withhold_close_while(lambda: True)
    inbound.receive_data(Frame(CLOSE, payload).encode(MASKING_KEY))
    end = ending(inbound, pipe(OPEN, masked=False), closing.PEERS, MASKING_KEY)
    assert end.client.frame == Frame(CLOSE, payload).encode()
    assert end.upstream.frame == Frame(CLOSE, payload).encode(MASKING_KEY)
