"""What both handshakes with it share; theirs are test_upstream_opening and test_connect_proxy."""

from __future__ import annotations

import h11
import pytest

from relay.protocol import Limits
from relay.protocol.answers import AnswerReader
from tests.protocol.handshakes import refused

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\n\r\n"


def reader(method: str = "GET") -> AnswerReader:
    """A reader of the answer to a request for an upgrade, or for a tunnel."""
    connection = h11.Connection(h11.CLIENT)
    fields = [("Host", "a.test"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
    if method == "CONNECT":
        del fields[1:]
    connection.send(h11.Request(method=method, target="a.test:443", headers=fields))
    connection.send(h11.EndOfMessage())
    return AnswerReader(connection, Limits(), "provider")


def test_interim_answers_are_passed_over_however_they_are_cut() -> None:
    answer, data = reader(), HINTS + HINTS + SWITCH
    for byte in data[:-1]:
        assert answer.receive_data(bytes([byte])) is None
    switch = answer.receive_data(data[-1:] + b"rest")
    assert isinstance(switch, h11.InformationalResponse)
    assert (switch.status_code, answer.rest) == (101, b"rest")


def test_a_final_answer() -> None:
    final = reader("CONNECT").receive_data(HINTS + FINAL)
    assert isinstance(final, h11.Response)
    assert final.status_code == 200


def test_a_101_is_an_answer_only_to_who_asked_for_it() -> None:
    with refused(502, 2100):
        reader("CONNECT").receive_data(SWITCH)


@pytest.mark.parametrize("data", [b"", b"no HTTP\r\n\r\n", HINTS * 9, b"\x00"])
def test_what_is_no_answer_is_a_bad_gateway(data: bytes) -> None:
    with refused(502, 2100) as caught:
        reader().receive_data(data)
    assert caught.value.message.startswith("the provider ")
    assert caught.value.proxy_error == "http_protocol_error"
