"""A whole session, with something going wrong at each of its operations and checkpoints in turn.

Whatever happens and whenever: nothing leaves :meth:`Session.run` but cancellation, both connections
end, every place and count is given back, no task is left, and no Close follows part of a frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from relay.protocol.frames import CLOSE, PING, TEXT
from relay.testing.frames import Frame, close, decode
from tests.played_session import PlayedSession, session
from tests.support import AWAY, Ended, Leg, Peer, Variant, in_every_variant, in_portable_variants

INBOUND = [Frame(TEXT, b"a" * 50), Frame(PING, b"aaa"), Frame(TEXT, b"a" * 300)]
OUTBOUND = [Frame(TEXT, b"b" * 50), Frame(PING, b"bbb"), Frame(TEXT, b"b" * 300)]
PEERS_CODE = 3000
ENDS = Ended, trio.BrokenResourceError  # the latter where it was reset
CODES = {PEERS_CODE, 1001, 1011}  # never 1000

Operation = Callable[[], Awaitable[bytes | bytearray | None]]


class Saboteur:
    """Does something to one operation on the relay's streams, and perhaps to all after it.

    Args:
        deed: What; empty: nothing, the legs are as they always are.
        turn: To which operation, counted from 0 over both streams.
    """

    def __init__(self, deed: str, turn: int) -> None:
        self.deed = deed
        self.turns_left = turn
        self.scope = trio.CancelScope()

    def is_due(self) -> bool:
        self.turns_left -= 1
        return self.turns_left == -1


class SabotagedLeg(Leg):
    """A leg on which the saboteur's deed is done."""

    def __init__(self, stream: trio.abc.Stream, saboteur: Saboteur) -> None:
        super().__init__(stream)
        self._saboteur = saboteur
        self._broken = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        half = partial(super().send_all, data[: len(data) // 2])
        await self._operate(partial(super().send_all, data), half)

    async def send_eof(self) -> None:
        await self._operate(super().send_eof)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        received = await self._operate(partial(super().receive_some, max_bytes))
        return received or b""

    async def aclose(self) -> None:
        try:
            if self._saboteur.is_due():
                if self._saboteur.deed == "stall":
                    await trio.sleep_forever()
                elif self._saboteur.deed.startswith("cancel"):
                    self._saboteur.scope.cancel()
        finally:
            await super().aclose()

    async def _operate(
        self, operation: Operation, half: Operation | None = None
    ) -> bytes | bytearray | None:
        deed = self._saboteur.deed
        if not self._saboteur.is_due():
            if self._broken:
                await trio.lowlevel.checkpoint()
                raise trio.BrokenResourceError
            return await operation()
        if deed == "stall":
            await trio.sleep_forever()
        if deed == "fault":
            raise RuntimeError
        if deed == "cancel before":
            self._saboteur.scope.cancel()
            return await operation()
        if deed == "cancel after":
            result = await operation()
            self._saboteur.scope.cancel()
            return result
        if half is not None and deed in {"cut once", "cut", "cancel within", "stall within"}:
            await half()
        if deed == "cancel within":
            self._saboteur.scope.cancel()
        if deed in {"cancel within", "stall within"}:
            await trio.sleep_forever()
        self._broken = deed in {"break", "cut"}
        await trio.lowlevel.checkpoint()
        raise trio.BrokenResourceError


async def play_client(play: PlayedSession, heard: list[Frame]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear_head, play.client, heard)
        with suppress(trio.BrokenResourceError):
            await play.request(early_data=play.client.encode(INBOUND[0]))
            await trio.sleep(1)
            await play.client.send(*INBOUND[1:])
            await trio.sleep(1)
            await play.client.send(close(PEERS_CODE))
    await play.client.end()


async def play_provider(play: PlayedSession, heard: list[Frame]) -> None:
    with suppress(Ended, trio.BrokenResourceError):
        await play.accept(early_data=play.provider.encode(OUTBOUND[0]))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear, play.provider, INBOUND, heard)
            with suppress(trio.BrokenResourceError):
                await trio.sleep(1.5)
                await play.provider.send(*OUTBOUND[1:])
                await trio.sleep(1)
                await play.provider.send(close(PEERS_CODE))
    await play.provider.end()


async def hear_head(client: Peer, heard: list[Frame]) -> None:
    """What the client hears: a 101 and frames, or a refusal, or less."""
    with suppress(*ENDS):
        head = await client.receive_head()
        if head.startswith(b"HTTP/1.1 101 "):
            await hear(client, OUTBOUND, heard)
        else:
            assert head.startswith((b"HTTP/1.1 500 ", b"HTTP/1.1 502 ", b"HTTP/1.1 504 "))
            await client.receive_rest()


async def hear(peer: Peer, sent: list[Frame], heard: list[Frame]) -> None:
    """Hear frames until the connection ends, or for a second after a Close."""
    with suppress(*ENDS), trio.CancelScope() as scope:
        while True:
            heard.append(await peer.receive())
            if heard[-1].opcode == CLOSE:
                scope.deadline = trio.current_time() + 1
    whole = [each for each in heard if each.opcode != CLOSE]
    closes = heard[len(whole) :]
    assert heard == sent[: len(whole)] + closes
    assert len(closes) < 2
    assert {int.from_bytes(each.payload[:2], "big") for each in closes} <= CODES
    with suppress(trio.BrokenResourceError):
        peer._received[:0] = await peer.receive_rest()
    if part := peer.unread:
        assert not closes
        if len(part) > 8:  # more than a header: no Close is hidden in it
            (cut,) = decode(part, masked=sent is INBOUND)
            if cut.opcode != CLOSE:
                expected = sent[len(whole)]
                assert (cut.opcode, cut.fin) == (expected.opcode, expected.fin)
                assert expected.payload.startswith(cut.payload)


async def play_both(variant: Variant, saboteur: Saboteur, *, drains: bool) -> None:
    """The whole session; how it must leave things, whatever the saboteur does."""
    heard_by_client: list[Frame] = []
    heard_by_provider: list[Frame] = []
    leg = partial(SabotagedLeg, saboteur=saboteur) if saboteur.deed else None
    async with session(variant, leg=leg) as play:
        saboteur.scope = play.scope
        async with trio.open_nursery() as nursery, trio.open_nursery() as provider:
            nursery.start_soon(play_client, play, heard_by_client)
            provider.start_soon(play_provider, play, heard_by_provider)
            if drains:
                await trio.sleep(1.7)
                play.server.drain()
            await play.ended.wait()
            if not play.connected:
                provider.cancel_scope.cancel()
    server = play.server
    assert not any(each.open for each in server.quotas._counts.values())
    assert not list(server.glances())
    assert not server._connections
    if saboteur.turns_left >= 0 and not play.scope.cancel_called:  # nothing happened
        last = AWAY if drains else close(PEERS_CODE)
        assert heard_by_provider == [*INBOUND, last]
        assert heard_by_client == [*OUTBOUND, last]
        assert not play.faults


def run(
    variant: Variant,
    saboteur: Saboteur,
    *instruments: trio.abc.Instrument,
    drains: bool = False,
) -> None:
    async def main() -> None:
        tasks = trio.lowlevel.current_statistics().tasks_living
        with trio.fail_after(3600):
            await play_both(variant, saboteur, drains=drains)
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    trio.run(main, clock=MockClock(autojump_threshold=0), instruments=instruments)


DEEDS = [
    "cancel before",
    "cancel after",
    "cancel within",
    "break once",
    "break",
    "cut once",
    "cut",
    "stall",
    "stall within",
    "fault",
]


@in_portable_variants
@pytest.mark.parametrize("drains", [False, True], ids=["peers-close", "relay-closes"])
@pytest.mark.parametrize("deed", DEEDS)
def test_at_every_operation(variant: Variant, deed: str, drains: bool) -> None:
    for turn in itertools.count():
        saboteur = Saboteur(deed, turn)
        run(variant, saboteur, drains=drains)
        if saboteur.turns_left >= 0:
            break
    assert turn > 20


class CancelAtStep(trio.abc.Instrument):
    """Cancels the session before one of the steps of all tasks, counted from 0."""

    def __init__(self, step: int, saboteur: Saboteur) -> None:
        self.steps_left = step
        self._saboteur = saboteur

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002
        self.steps_left -= 1
        if self.steps_left == -1:
            self._saboteur.scope.cancel()


@in_every_variant
def test_cancelled_at_every_checkpoint(variant: Variant) -> None:
    for step in itertools.count():
        saboteur = Saboteur("", 10**9)
        instrument = CancelAtStep(step, saboteur)
        run(variant, saboteur, instrument)
        if instrument.steps_left >= 0:
            break
    assert step > 60
