"""Each law of proxies finds what breaks it, and no law finds anything in a tunnel that is right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from relay.protocol.frames import BINARY, CLOSE, PING, PONG, TEXT
from relay.testing.frames import Frame, close
from relay.testing.handshakes import ACCEPT
from relay.testing.laws import PROXY_LAWS, Law
from relay.testing.stand import Stand
from relay.testing.subject import Fidelity
from tests.testing.tunnel import FrameTunnel, Tunnel


@pytest.mark.parametrize("law", PROXY_LAWS, ids=str)
def test_a_tunnel_keeps_every_law(law: Law[Stand]) -> None:
    with Stand.of(Tunnel().subject()) as stand:
        law.check(stand)


class ForgetsTheChoice(Tunnel):
    def answer(self, head: bytes, request: bytes) -> bytes:  # noqa: ARG002
        lines = head.split(b"\r\n")
        return b"\r\n".join(
            each for each in lines if not each.startswith(b"Sec-WebSocket-Protocol")
        )


class TurnsOffersAround(Tunnel):
    def request(self, head: bytes) -> bytes:
        lines = head.split(b"\r\n")
        for index, line in enumerate(lines):
            name, _, value = line.partition(b": ")
            if name == b"Sec-WebSocket-Protocol":
                lines[index] = name + b": " + b", ".join(value.split(b", ")[::-1])
        return b"\r\n".join(lines)


class SaysBadGateway(Tunnel):
    def answer(self, head: bytes, request: bytes) -> bytes:  # noqa: ARG002
        return head.replace(b"HTTP/1.1 429", b"HTTP/1.1 502")


class MendsTheAccept(Tunnel):
    def answer(self, head: bytes, request: bytes) -> bytes:  # noqa: ARG002
        before, _, rest = head.partition(b"Sec-WebSocket-Accept: ")
        return before + b"Sec-WebSocket-Accept: " + ACCEPT + rest[rest.index(b"\r\n") :]


class LosesWhatCameEarly(Tunnel):
    def early(self, data: bytes) -> bytes:  # noqa: ARG002
        return b""


class LosesEmptyMessages(FrameTunnel):
    def frame(self, frame: Frame) -> Frame | None:
        return None if frame in {Frame(TEXT), Frame(BINARY)} else frame


class ForgetsTheFin(FrameTunnel):
    def frame(self, frame: Frame) -> Frame:
        return frame if frame.fin else frame._replace(fin=True)


class CutsAt64KiB(FrameTunnel):
    def frame(self, frame: Frame) -> Frame:
        small = len(frame.payload) < 65536
        return frame if small else frame._replace(payload=frame.payload[:65535])


class SwallowsPings(FrameTunnel):
    def frame(self, frame: Frame) -> Frame | None:
        return None if frame.opcode == PING else frame


class LosesTheReason(FrameTunnel):
    def frame(self, frame: Frame) -> Frame:
        if frame.opcode != CLOSE or len(frame.payload) < 3:
            return frame
        return frame._replace(payload=frame.payload[:2])


class NeverEnds(Tunnel):
    def __init__(self) -> None:
        self._never: list[asyncio.Future[None]] = []  # kept: nothing else refers to who waits

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        await super()._carry(source, sink)
        self._never.append(asyncio.get_running_loop().create_future())
        await self._never[-1]


class SaysAllWentWell(Tunnel):
    def end(self) -> bytes:
        return close(1000).encode()


class DropsWhatIsReserved(Tunnel):
    def chunk(self, data: bytes) -> bytes:
        return b"" if data[:1] and data[0] & 0x70 else data


class ShowsTheQuery(Tunnel):
    def no_answer(self, request: bytes) -> bytes:
        line = request.split(b"\r\n")[0]
        size = str(len(line)).encode()
        return b"HTTP/1.1 502 No\r\nContent-Length: " + size + b"\r\n\r\n" + line


class MasksAnew(FrameTunnel):
    def frame(self, frame: Frame) -> Frame:
        return frame._replace()  # one of the tunnel's own, which it encodes


class JoinsFragments(FrameTunnel):
    def __init__(self) -> None:
        self._begun: dict[asyncio.StreamWriter, Frame] = {}

    def _pass(self, data: bytes, sink: asyncio.StreamWriter) -> bytes:
        self._sink = sink
        return super()._pass(data, sink)

    def frame(self, frame: Frame) -> Frame | None:
        if frame.opcode >= CLOSE:
            return frame
        begun = self._begun.pop(self._sink, Frame(frame.opcode))
        message = begun._replace(payload=begun.payload + frame.payload)
        if frame.fin:
            return message
        self._begun[self._sink] = message
        return None


class ClosesOnPong(FrameTunnel):
    def frame(self, frame: Frame) -> Frame:
        return close(1000) if frame.opcode == PONG else frame


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (ForgetsTheChoice, "subprotocols"),
        (TurnsOffersAround, "subprotocols"),
        (SaysBadGateway, "refusals"),
        (MendsTheAccept, "wrong accept"),
        (LosesWhatCameEarly, "early messages"),
        (LosesEmptyMessages, "messages"),
        (ForgetsTheFin, "fragments"),
        (CutsAt64KiB, "large messages"),
        (SwallowsPings, "pings"),
        (LosesTheReason, "closes"),
        (NeverEnds, "vanishing"),
        (SaysAllWentWell, "honest endings"),
        (DropsWhatIsReserved, "violations"),
        (ShowsTheQuery, "credentials"),
        (ClosesOnPong, "whole sessions"),
    ],
)
def test_a_law_finds_what_breaks_it(broken: Callable[[], Tunnel], name: str) -> None:
    (law,) = [each for each in PROXY_LAWS if each.name == name]
    with Stand.of(broken().subject(), patience=1) as stand, pytest.raises(AssertionError) as caught:
        law.check(stand)
    example, said = caught.value.__notes__[-2:]
    assert f"{law.body.__name__}(" in example
    assert said == f"The law {name!r}: {law.says}\nIts source: {law.source}"


@pytest.mark.parametrize(
    ("tunnel", "most"),
    [
        (Tunnel, Fidelity.BYTES),
        (MasksAnew, Fidelity.FRAMES),
        (JoinsFragments, Fidelity.MESSAGES),
    ],
)
@pytest.mark.parametrize("promised", Fidelity)
def test_a_tunnel_is_held_to_what_it_promises(
    tunnel: Callable[[], Tunnel], most: Fidelity, promised: Fidelity
) -> None:
    (law,) = [each for each in PROXY_LAWS if each.name == "fragments"]
    under_test = tunnel()
    under_test.fidelity = promised
    ranks = list(Fidelity)  # each includes those that follow it
    breaks = ranks.index(promised) < ranks.index(most)
    with (
        Stand.of(under_test.subject(), patience=1) as stand,
        pytest.raises(AssertionError) if breaks else nullcontext(),
    ):
        law.check(stand)


def test_every_law_is_broken_by_something() -> None:
    (marks,) = [
        mark.args[1]
        for mark in test_a_law_finds_what_breaks_it.pytestmark  # type: ignore[attr-defined]
    ]
    assert {name for _, name in marks} == {law.name for law in PROXY_LAWS}
