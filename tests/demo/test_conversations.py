"""The conversations: what is known of them when they went well, and when they did not."""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import memory_stream_pair

from relay.demo import conversations
from relay.demo.conversations import DEADLINE, Progress, State, converse
from relay.demo.examples import EXAMPLES, Example
from relay.demo.world import World
from relay.testing.frames import Frame, close
from tests.client.server import accepted
from tests.demo.support import run_in_world
from tests.support import Leg, Peer, trio_test

_SENT = {"openai": 1, "google": 2, "cartesia": 1, "elevenlabs": 1}
_USAGE = {
    "openai": r"\d+\+[1-9]\d* tokens",
    "google": r"\d+\+[1-9]\d* tokens",
    "cartesia": "38 chars",
    "elevenlabs": "22 chars",
}
_by_provider = pytest.mark.parametrize(
    "example", EXAMPLES, ids=[each.provider for each in EXAMPLES]
)


@_by_provider
def test_a_conversation_with_a_double_through_a_relay(example: Example) -> None:
    progress = Progress(example.provider)
    states: list[State] = []

    async def test(world: World) -> None:
        await converse(example, world, progress, lambda: states.append(progress.state))

    run_in_world(test)
    assert progress.failure == ""
    assert list(dict.fromkeys(states)) == [State.OPENING, State.OPEN, State.DONE]
    assert progress.opened_after
    assert progress.output_after
    assert progress.sent.messages == _SENT[example.provider]
    assert progress.sent.bytes > 90
    assert progress.received.messages > progress.sent.messages
    assert progress.received.bytes > 1000
    assert re.fullmatch(_USAGE[example.provider], progress.usage)
    assert progress.close_code == 1000


def test_a_refusal_is_the_reason() -> None:
    progress = Progress("google")

    async def test(world: World) -> None:
        await converse(EXAMPLES[1], replace(world, token="rly_x"), progress, lambda: None)
        assert world.token not in progress.failure

    run_in_world(test)
    assert progress.state is State.FAILED
    assert progress.failure == "401 from the relay: this gateway token is not valid"
    assert progress.opened_after is None


def test_an_unknown_certificate_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "client_context", lambda _ca: ssl.create_default_context())
    progress = Progress("google")

    async def test(world: World) -> None:
        await converse(EXAMPLES[1], world, progress, lambda: None)

    run_in_world(test)
    assert progress.state is State.FAILED
    assert progress.failure.startswith("no connection: ")
    assert "CERTIFICATE_VERIFY_FAILED" in progress.failure


class _Handshaken(Leg):
    """A connection in memory, in the place of one with TLS."""

    async def do_handshake(self) -> None:
        await trio.lowlevel.checkpoint()


Server = Callable[[Peer], Awaitable[None]]


async def _converse_with(
    server: Server, example: Example, monkeypatch: pytest.MonkeyPatch
) -> Progress:
    """Run an example against a server in memory."""
    progress = Progress(example.provider)
    world = World(1, 2, "token", {example.provider: "key"}, Path("ca.pem"))
    async with trio.open_nursery() as nursery:

        async def connect(*_args: object, **_options: object) -> trio.abc.Stream:
            await trio.lowlevel.checkpoint()
            ours, theirs = memory_stream_pair()
            nursery.start_soon(server, Peer(theirs, masks=False))
            return _Handshaken(ours)

        monkeypatch.setattr(trio, "open_ssl_over_tcp_stream", connect)
        monkeypatch.setattr(conversations, "client_context", lambda _ca: None)
        await converse(example, world, progress, lambda: None)
        nursery.cancel_scope.cancel()
    return progress


def _says(*frames: Frame) -> Server:
    """A server that opens, says something when it has heard something, and closes as it is told."""

    async def server(peer: Peer) -> None:
        await peer.stream.send_all(accepted(await peer.receive_head()))
        await peer.receive()
        await peer.send(*frames)
        await peer.answer_close()
        await peer.end()

    return server


async def _vanishes(peer: Peer) -> None:
    await peer.stream.send_all(accepted(await peer.receive_head()))
    await peer.end()


async def _answers_nothing(peer: Peer) -> None:
    await peer.receive_head()
    await peer.end()


async def _refuses_the_close(peer: Peer) -> None:
    await peer.stream.send_all(accepted(await peer.receive_head()))
    await peer.receive()
    await peer.send(Frame(1, b'{"type": "chunk"}'))
    await peer.receive()
    await peer.send(close(1011, "fault"))
    await peer.end()


async def _says_nothing(peer: Peer) -> None:
    await peer.stream.send_all(accepted(await peer.receive_head()))
    await peer.receive_rest()


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (_says(Frame(1, b'{"type": "chunk"}')), ""),
        (_says(Frame(2, b'{"type": "chunk"}')), ""),
        (_says(Frame(1, b'{"type": ["x"]}'), Frame(1, b'{"type": "chunk"}')), ""),
        (
            _says(Frame(1, b'{"type": "error", "message": "no \\u001b"}')),
            r'the provider reports an error: {"type": "error", "message": "no \u001b"}',
        ),
        (_says(Frame(1, b"ping")), "the provider sent a message that is no JSON object"),
        (_says(Frame(2, b"\xff\xff")), "the provider sent a message that is no JSON object"),
        (_says(Frame(1, b"[]")), "the provider sent a message that is no JSON object"),
        (_says(close(1008, "why \x07")), r"closed with 1008 why \x07"),
        (_vanishes, "closed with 1006"),
        (_refuses_the_close, "closed with 1011 fault"),
        (_answers_nothing, "the connection ended without an answer"),
        (_says_nothing, "not done after 20 s"),
    ],
)
@trio_test
async def test_whatever_goes_wrong_is_the_reason(
    server: Server, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = trio.current_time()
    progress = await _converse_with(server, EXAMPLES[2], monkeypatch)
    assert progress.failure == reason
    assert progress.state is (State.FAILED if reason else State.DONE)
    assert trio.current_time() - began <= DEADLINE


@trio_test
async def test_no_connection_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_args: object, **_options: object) -> None:
        await trio.lowlevel.checkpoint()
        raise OSError("all attempts to connect failed")

    world = World(1, 2, "token", {"google": "key"}, Path("ca.pem"))
    monkeypatch.setattr(trio, "open_ssl_over_tcp_stream", connect)
    monkeypatch.setattr(conversations, "client_context", lambda _ca: None)
    progress = Progress("google")
    await converse(EXAMPLES[1], world, progress, lambda: None)
    assert progress.state is State.FAILED
    assert progress.failure == "no connection: all attempts to connect failed"
