"""What a stand says of subjects that do none of what they should, and that it never hangs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from relay.testing.frames import ping
from relay.testing.laws import PROXY_LAWS
from relay.testing.laws.exchange import has_got
from relay.testing.peer import Peer
from relay.testing.playbook import Playbook, client, close, origin
from relay.testing.stand import Hung, Stand
from relay.testing.subject import Address, Front
from tests.testing.tunnel import Tunnel

(PINGS,) = [law for law in PROXY_LAWS if law.name == "pings"]


class AnswersByItself(Tunnel):
    async def _relay(
        self,
        from_client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        *_: asyncio.StreamReader | asyncio.StreamWriter,
    ) -> None:
        await from_client.readuntil(b"\r\n\r\n")
        to_client.write(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        await from_client.read()


class AsksNoHttp(Tunnel):
    def request(self, head: bytes) -> bytes:
        return head.replace(b" HTTP/1.1", b" SPDY")


class Floods(Tunnel):
    async def _carry(self, _: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while True:
            sink.write(ping().encode() * 500)
            await sink.drain()


def failure(tunnel: Tunnel) -> AssertionError:
    with (
        Stand.of(tunnel.subject(), patience=0.5) as stand,
        pytest.raises(AssertionError) as caught,
    ):
        PINGS.check(stand)
    return caught.value


def test_one_that_answers_in_the_origins_place_is_shown() -> None:
    words = str(failure(AnswersByItself()))
    assert "the origin is not asked; the client is told b'HTTP/1.1 404 No" in words
    assert " s have passed (0.5 s for the first example), and " in words


def test_one_that_asks_the_origin_no_http_breaks_a_law() -> None:
    broken = failure(AsksNoHttp())
    assert str(broken).startswith("it is no HTTP request: ")
    assert broken.__notes__[-1].startswith("The law 'pings': ")


def test_one_that_takes_no_connection_breaks_a_law() -> None:
    @contextmanager
    def nobody(_: Address) -> Iterator[Front]:
        with socket.socket() as bound:  # and not listening
            bound.bind(("127.0.0.1", 0))
            yield Front(Address(*bound.getsockname()))

    with Stand.of(nobody) as stand, pytest.raises(AssertionError, match="nobody takes connect"):
        PINGS.check(stand)


def test_one_that_floods_a_side_has_to_wait_for_it() -> None:
    with Stand.of(Floods().subject(), patience=0.5) as stand, stand.session() as session:
        session.open()
        with pytest.raises(Hung):
            session.until(lambda: False, lambda: "nothing")
        assert len(session.client.received) < 1 << 19
        assert has_got(session.client).startswith("has got [ping(b''), ping(b''), ")


def test_what_a_side_has_is_shown_though_its_masking_is_wrong() -> None:
    with socket.socket() as unconnected:
        peer = Peer(unconnected, masks=True)
        peer.received += b"\x81\x05hello\x81"
        assert has_got(peer) == "has got [text('hello')] and b'\\x81'"
        peer.take(len(peer.received))
        peer.received += ping(b"p").encode(b"\1\2\3\4")
        assert has_got(peer).startswith("has got b'\\x89\\x81\\x01\\x02")


def test_a_playbook_that_hung_leaves_the_next_one_all_patience() -> None:
    with Stand.of(Tunnel().subject(), patience=0.5) as stand:
        for _ in range(2):
            with pytest.raises(AssertionError, match=r"^0\.5 s have passed, and the origin has"):
                assert (
                    Playbook(stand)
                    >> client.asks()
                    << origin.is_asked()
                    >> origin.accepts()
                    << client.is_answered()
                    << origin.gets(close())
                )
