"""The client's opening handshake: what it sends, what it takes for an answer, and what not."""

from __future__ import annotations

import pytest
import trio

from relay.client import OpeningFailed, Rejected, open_websocket
from relay.testing.frames import Frame
from tests.client.server import accepted, run_with_server
from tests.support import Peer, trio_test

_REFUSAL = (
    b"HTTP/1.1 401 Unauthorized\r\nProxy-Status: relay; error=x\r\nContent-Length: 4\r\n\r\nbody"
)
_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@trio_test
async def test_the_request_carries_what_was_asked_for() -> None:
    heads = []

    async def answer(peer: Peer, head: bytes) -> None:
        heads.append(head.split(b"\r\n"))
        await peer.stream.send_all(
            accepted(head, b"Sec-WebSocket-Protocol: b", b"cf-aig-log-id: 7", b"X: \xe4")
        )

    async def client(stream: trio.abc.Stream) -> None:
        connection = await open_websocket(
            stream,
            "relay.example:8443",
            "/v1/a/g/openai?model=m",
            fields=[("Authorization", "Bearer k"), ("X", "1"), ("X", "2")],
            subprotocols=["a", "b"],
        )
        assert connection.subprotocol == "b"
        assert connection.fields == (("cf-aig-log-id", "7"), ("x", "ä"))

    await run_with_server(answer, client)
    (lines,) = heads
    assert lines[0] == b"GET /v1/a/g/openai?model=m HTTP/1.1"
    for line in (
        b"Host: relay.example:8443",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Protocol: a, b",
        b"Authorization: Bearer k",
        b"X: 1",
        b"X: 2",
    ):
        assert line in lines


@trio_test
async def test_frames_behind_the_101_are_not_lost() -> None:
    async def answer(peer: Peer, head: bytes) -> None:
        await peer.stream.send_all(accepted(head) + peer.encode(Frame(1, b"early")))

    async def client(stream: trio.abc.Stream) -> None:
        connection = await open_websocket(stream, "h", "/")
        assert await connection.receive() == "early"
        assert connection.subprotocol is None

    await run_with_server(answer, client)


async def _outcome(data: bytes, *, ends: bool = False, step: int = 0) -> BaseException:
    """What the client raises at an answer; ``step`` cuts the answer into pieces."""
    outcomes: list[BaseException] = []

    async def answer(peer: Peer, _head: bytes) -> None:
        for start in range(0, len(data), step or len(data) or 1):
            await peer.stream.send_all(data[start : start + (step or len(data))])
            await trio.testing.wait_all_tasks_blocked()
        if ends:
            await peer.end()

    async def client(stream: trio.abc.Stream) -> None:
        try:
            await open_websocket(stream, "h", "/")
        except (Rejected, OpeningFailed) as error:
            outcomes.append(error)

    with trio.fail_after(5):
        await run_with_server(answer, client)
    return outcomes[0]


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2])
@trio_test
async def test_a_refusal_is_raised_behind_interim_answers(interim: bytes, step: int) -> None:
    rejected = await _outcome(interim + _REFUSAL, step=step)
    assert isinstance(rejected, Rejected)
    assert rejected.status == 401
    assert rejected.fields == (("proxy-status", "relay; error=x"), ("content-length", "4"))
    assert rejected.body == b"body"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 10\r\n\r\ncut", b"cut"),
        (
            b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"abc",
        ),
        (b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\nno chunk", b""),
    ],
)
@trio_test
async def test_the_body_of_a_refusal_is_what_came_of_it(answer: bytes, body: bytes) -> None:
    rejected = await _outcome(answer, ends=True)
    assert isinstance(rejected, Rejected)
    assert rejected.body == body


@trio_test
async def test_no_more_than_64_kib_of_a_body_are_read() -> None:
    rejected = await _outcome(b"HTTP/1.1 500 Error\r\n\r\n" + b"x" * 100_000)  # and no end
    assert isinstance(rejected, Rejected)
    assert rejected.body == b"x" * 65536


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ended without an answer"),
        (b"HTTP/1.1 101 Switching", "ended without an answer"),
        (b"\x15\x03\x01\x00\x02\x02\x28\r\n\r\n", "no answer in HTTP/1.1"),
        (b"HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n", "no answer in HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n", "no answer in HTTP/1.1"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no valid answer"),
        (_SWITCH + b"Sec-WebSocket-Accept: wrong\r\n\r\n", "no valid answer: Bad accept token"),
        (_SWITCH + b"Sec-WebSocket-Protocol: \xe4\r\n\r\n", "field line is not ASCII"),
    ],
)
@trio_test
async def test_what_is_no_answer_fails_the_opening(data: bytes, message: str) -> None:
    error = await _outcome(data, ends=True)
    assert isinstance(error, OpeningFailed)
    assert message in str(error)


@trio_test
async def test_an_answer_is_read_although_the_server_took_no_request() -> None:
    client, server = trio.testing.memory_stream_pair()
    await server.send_all(_REFUSAL)
    await server.aclose()
    with pytest.raises(Rejected):
        await open_websocket(client, "h", "/")


@pytest.mark.parametrize(
    "arguments",
    [
        {"subprotocols": ["a,secret"]},
        {"subprotocols": [""]},
        {"fields": [("X", "secret\r\nY: 1")]},
        {"fields": [("X secret", "1")]},
        {"fields": [("X", "secret\N{EURO SIGN}")]},
    ],
)
@trio_test
async def test_what_cannot_stand_in_a_request_is_not_sent(
    arguments: dict[str, list[str]],
) -> None:
    client, server = trio.testing.memory_stream_pair()
    with pytest.raises(ValueError, match="may not stand in it") as error:
        await open_websocket(client, "h", "/", **arguments)  # type: ignore[arg-type]
    assert "secret" not in str(error.value)
    await client.aclose()
    assert await server.receive_some() == b""
