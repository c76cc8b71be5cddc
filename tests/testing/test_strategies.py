"""What the strategies draw is what they say, by the judgement of parsers that are not theirs."""

from __future__ import annotations

import h11
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection

from relay.protocol import Refused, by_name, parse_target, route
from relay.protocol.frames import CLOSE, CONTINUATION, PING, PONG
from relay.testing.frames import Frame, cut, delivered, encode
from relay.testing.handshakes import parse_answer
from relay.testing.strategies import (
    Session,
    any_answers,
    any_requests,
    broken_offers,
    broken_targets,
    chunkings,
    fragmented_messages,
    offers_and_choices,
    refusals,
    relay_targets,
    sessions,
    targets,
    valid_answers,
    valid_requests,
    valid_streams,
    whole_messages,
    written_offers,
)


def request_in(data: bytes) -> h11.Request:
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    return request


@given(target=targets())
def test_a_target_stands_in_a_request(target: str) -> None:
    data = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode("ascii")
    assert request_in(data).target == target.encode()
    assert target.startswith("/")
    assert not target.startswith("//")


@given(target=relay_targets())
def test_the_relay_has_an_endpoint_for_its_targets(target: str) -> None:
    found = route(parse_target(target.encode("ascii")), by_name())
    assert found.path.startswith("/")


@given(target=broken_targets)
def test_the_relay_refuses_what_is_no_target(target: str) -> None:
    with pytest.raises(Refused):
        route(parse_target(target.encode("latin-1")), by_name())


@given(written=written_offers())
def test_an_offer_says_the_same_however_it_is_written(written: tuple[list[str], list[str]]) -> None:
    entries, lines = written
    values = ",".join(line.partition(": ")[2] for line in lines)
    assert [each.strip() for each in values.split(",")] == entries


@given(offer=offers_and_choices())
def test_what_is_chosen_was_offered(offer: tuple[list[str], str | None]) -> None:
    offered, chosen = offer
    assert chosen is None or chosen in offered
    assert len(set(offered)) == len(offered)


@given(data=valid_requests(targets(), "X: 1"))
def test_a_valid_request_opens_a_websocket(data: bytes) -> None:
    request = request_in(data)
    fields = dict(request.headers)
    assert request.method == b"GET"
    assert fields[b"upgrade"] == b"websocket"
    assert fields[b"sec-websocket-version"] == b"13"


@given(data=refusals)
def test_a_refusal_is_one(data: bytes) -> None:
    assert 400 <= parse_answer(data).status <= 599


@pytest.mark.parametrize("wanted", [b"HTTP/1.1 101", b"HTTP/1.1 401", b"HTTP/1.1 103"])
def test_answers_of_each_kind_are_drawn(wanted: bytes) -> None:
    find(any_answers(valid_answers("a")), lambda data: data.startswith(wanted))


@pytest.mark.parametrize("wanted", [b"GET ", b"\r\nG", b"Transfer-Encoding", b"h2c"])
def test_requests_of_each_kind_are_drawn(wanted: bytes) -> None:
    often = settings(max_examples=5000, suppress_health_check=list(HealthCheck))
    find(any_requests(valid_requests(st.just("/"))), lambda data: wanted in data, settings=often)


def test_a_chunking_shrinks_to_single_bytes() -> None:
    assert find(chunkings, lambda _: True) == [1]
    assert cut(b"abc", [1]) == [b"a", b"b", b"c"]
    assert cut(b"abcdef", [1, 2]) == [b"a", b"bc", b"d", b"ef"]


def wsproto_says(data: bytes, *, masked: bool) -> list[object]:
    receiver = Connection(ConnectionType.SERVER if masked else ConnectionType.CLIENT)
    receiver.receive_data(data)
    return list(receiver.events())


@given(data=st.data(), masked=st.booleans())
def test_a_valid_stream_is_valid_to_others(data: st.DataObject, masked: bool) -> None:
    stream = data.draw(valid_streams(masked=masked, closed=False))
    events = wsproto_says(stream.data, masked=masked)
    assert not [event for event in events if isinstance(event, CloseConnection)]


@given(frames=fragmented_messages())
def test_a_fragmented_message_is_one_message(frames: list[Frame]) -> None:
    data = [each for each in frames if each.opcode < CLOSE]
    assert [each.fin for each in data] == [False] * (len(data) - 1) + [True]
    assert data[0].opcode != CONTINUATION
    assert {each.opcode for each in data[1:]} <= {CONTINUATION}
    assert {each.opcode for each in frames if each not in data} <= {PING, PONG}


@given(frame=whole_messages)
def test_a_whole_message_is_one_frame(frame: Frame) -> None:
    assert delivered([frame]) == [(frame.opcode, frame.payload)]
    assert len(wsproto_says(encode([frame]), masked=False)) == 1


def test_a_control_frame_amid_a_message_is_found_and_shrinks() -> None:
    frames = find(fragmented_messages(), lambda frames: frames[1:2] == [Frame(PING)])
    assert frames == [Frame(1, b"", fin=False), Frame(PING), Frame(0, b"")] or len(frames) == 2


@given(session=sessions())
def test_a_session_keeps_its_order(session: Session) -> None:
    """An opening, then talk, then one end; a refused one has neither."""
    texts = [step.text for step in session.steps]
    assert texts[0].startswith("client.asks(")
    assert texts[1].startswith("origin.is_asked(")
    if session.opening.refused is not None:
        assert len(texts) == 4
    else:
        assert len(texts) == 4 + 2 * len(session.turns) + (4 if session.end.close else 2)


@given(line=broken_offers)
def test_a_broken_offer_has_an_entry_that_is_no_token(line: str) -> None:
    token = set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    entries = [each.strip() for each in line.partition(": ")[2].split(",")]
    assert not all(set(each) <= token for each in entries)
