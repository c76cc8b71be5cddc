"""Whole sessions in memory: the relay between a client and a provider that a test plays."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import structlog
import trio
from trio.testing import memory_stream_pair

from relay.link import reset
from relay.protocol import Limits, Origin, Proxy, Timeouts, by_name
from relay.records.recorder import Recorder
from relay.records.session_record import SessionRecord
from relay.resumption import Resumption
from relay.server import Server
from relay.settings import Settings
from relay.stopwatch import Stopwatch
from relay.testing.frames import close
from relay.testing.handshakes import Answer, accept_value, switch, upgrade
from tests.protocol.handshakes import a_gateway
from tests.support import VERBATIM, Leg, Pair, Peer, SocketLeg, Variant

__all__ = [
    "CREDENTIAL",
    "TARGET",
    "PlayedSession",
    "accept",
    "ask",
    "error_of",
    "legs",
    "open_session",
    "other_side",
    "session",
    "settings",
    "sides",
]

TARGET = "/v1/acct/main/openai?model=gpt-realtime"
CREDENTIAL = "Authorization: Bearer sk-of-the-client"


def settings(
    *,
    timeouts: Timeouts | None = None,
    gateway_timeouts: Timeouts | None = None,
    limits: Limits | None = None,
    places: int = 10,
    upstreams: Mapping[str, Any] | None = None,
    server: Mapping[str, Any] | None = None,
    **gateway: object,
) -> Settings:
    """Settings with the gateway ``acct/main``, which asks for no token.

    Args:
        timeouts: Of all sessions.
        gateway_timeouts: Of the gateway's sessions, where they differ.
        limits: On heads and on messages.
        places: How many sessions there may be over all gateways.
        upstreams: What of the provider is not as in the catalogue.
        server: What else there is in :class:`~relay.settings.Settings`.
        gateway: For :class:`~relay.protocol.Gateway`.
    """
    limits = limits or Limits()
    policy: dict[str, object] = {"authentication_required": False, "limits": limits, **gateway}
    providers = {**by_name(), "openai": replace(by_name()["openai"], **(upstreams or {}))}
    return Settings(
        listeners=(),
        gateways={"acct/main": a_gateway(**policy)},  # type: ignore[arg-type]
        providers=providers,
        trust=dict.fromkeys(providers, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
        max_sessions=places,
        limits=limits,
        timeouts=timeouts or Timeouts(),
        gateway_timeouts={"acct/main": gateway_timeouts} if gateway_timeouts else {},
        **(server or {}),
    )


class PlayedSession:
    """A session between a client and a provider that a test plays.

    Args:
        server: Runs the session.
        pair: Makes its two connections.
    """

    def __init__(
        self, server: Server, pair: Pair, leg: Callable[[trio.abc.Stream], Leg | SocketLeg]
    ) -> None:
        self.server = server
        client_leg, client = pair()
        upstream_leg, provider = pair()
        self.client_leg = leg(client_leg)
        self.upstream_leg = leg(upstream_leg)
        self.client = Peer(client, masks=True)
        self.provider = Peer(provider, masks=False)
        self.dialled: list[Origin] = []
        self.dialling = False
        self.connected = False
        self.may_connect = trio.Event()
        """Dialling lasts until this is set."""
        self.dial_errors: list[Exception] = []
        """What comes of it then, each time, before there is a connection."""
        self.scope = trio.CancelScope()
        """Around the session."""
        self.ended = trio.Event()
        self.ended_at: float | None = None
        self.log: list[MutableMapping[str, Any]] = []
        self.records: list[SessionRecord] = []
        """Those that were handed over."""

    @property
    def record(self) -> MutableMapping[str, Any]:
        """What the session's log says about its end."""
        (record,) = [each for each in self.log if each["event"] == "ended"]
        return record

    @property
    def faults(self) -> list[str]:
        """The names of the exceptions that the session logged."""
        return [each["error"] for each in self.log if each["event"] == "fault"]

    @property
    def reset_sides(self) -> set[str]:
        """Whose connection the relay has reset: the client's, the provider's."""
        legs = {"client": self.client_leg, "provider": self.upstream_leg}
        return {side for side, leg in legs.items() if leg.was_reset}

    async def run(self) -> None:
        """The session, from the client's first byte on."""
        with self.scope:
            await self.server.handle(self.client_leg)
        self.ended_at = trio.current_time()
        self.ended.set()

    async def dial(
        self,
        origin: Origin,
        tls: ssl.SSLContext,  # noqa: ARG002
        proxy: Proxy | None,  # noqa: ARG002
        timeout: float,  # noqa: ASYNC109, ARG002
        resumption: Resumption,  # noqa: ARG002
        stopwatch: Stopwatch,  # noqa: ARG002
    ) -> tuple[trio.abc.Stream, bytes]:
        """Stands in for :func:`relay.dial.dial`."""
        self.dialled.append(origin)
        self.dialling = True
        try:
            await self.may_connect.wait()
        finally:
            self.dialling = False
        if self.dial_errors:
            raise self.dial_errors.pop(0)
        self.connected = True
        return self.upstream_leg, b""

    async def request(self, *lines: str, early_data: bytes = b"") -> None:
        """The client asks for a session; the provider can be dialled."""
        await self.client.stream.send_all(upgrade(TARGET, CREDENTIAL, *lines) + early_data)

    async def accept(self, *lines: str, early_data: bytes = b"") -> bytes:
        """The provider opens; for the rest see :func:`accept`."""
        return await accept(self.provider, *lines, early_data=early_data)

    async def open(self) -> None:
        """Both opening handshakes."""
        await self.request()
        await self.accept()
        head = await self.client.receive_head()
        assert head.startswith(b"HTTP/1.1 101 ")

    async def close(self) -> None:
        """A closing handshake that the client begins."""
        await self.client.send(close(1000))
        await self.provider.answer_close()
        await self.provider.end()
        await self.client.receive()
        await self.client.end()

    async def end_both(self) -> None:
        """What both peers do once they were told."""
        await self.client.end()
        await self.provider.end()


async def accept(provider: Peer, *lines: str, early_data: bytes = b"") -> bytes:
    """A provider reads its request, which is returned, and answers with a valid 101."""
    head = await provider.receive_head()
    await provider.stream.send_all(switch(*lines, accept=accept_value(head)) + early_data)
    return head


@asynccontextmanager
async def session(
    variant: Variant = VERBATIM,
    *,
    tight: bool = False,
    connects: bool = True,
    leg: Callable[[trio.abc.Stream], Leg] | None = None,
    **setting: Any,
) -> AsyncIterator[PlayedSession]:
    """A session that nobody has asked for yet.

    When the block is left, the session ends by itself, within its own deadlines, and nothing of it
    may be left.

    Args:
        variant: Its driver and its lane.
        tight: Whether writes last until they were read.
        connects: Whether dialling succeeds at once.
        leg: Wraps the relay's ends, if not as the driver does.
        setting: For :func:`settings`.
    """
    server = Server(settings(messages_lane=variant.messages_lane, **setting))
    driver = variant.driver
    play = PlayedSession(server, driver.tight_pair if tight else driver.pair, leg or driver.leg)
    if connects:
        play.may_connect.set()

    hand_over = server.account

    def account(recorder: Recorder) -> None:
        play.records.append(recorder.record)
        hand_over(recorder)

    async def noted_reset(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, Leg | SocketLeg)
        stream.was_reset = True
        await reset(stream)

    with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as play.log:
        patch.setattr("relay.session.upstream_opening.dial", play.dial)
        patch.setattr("relay.session.leg_end.reset", noted_reset)
        patch.setattr(server, "account", account)
        async with driver.reactor() as server.reactor, trio.open_nursery() as nursery:
            nursery.start_soon(play.run)
            yield play
    assert play.client_leg.closed
    assert play.upstream_leg.closed is play.connected
    assert server.quotas.open == 0
    for stream in (play.upstream_leg, play.client.stream, play.provider.stream):
        await trio.aclose_forcefully(stream)  # what no one has had, or has not ended


@asynccontextmanager
async def open_session(variant: Variant = VERBATIM, **setting: Any) -> AsyncIterator[PlayedSession]:
    """A session with both opening handshakes done; for the rest see :func:`session`."""
    async with session(variant, **setting) as play:
        await play.open()
        yield play


async def ask(server: Server, data: bytes) -> Answer:
    """What a client gets that sends ``data`` and is not given a session."""
    ours, theirs = memory_stream_pair()
    client = Peer(theirs, masks=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.handle, ours)
        await client.stream.send_all(data)
        return await client.receive_answer()


def error_of(answer: Answer) -> tuple[int, int]:
    """The status and the code of a refusal that is the relay's own."""
    body = json.loads(answer.body)
    assert body["success"] is False
    assert answer.values("Connection") == ["close"]
    return answer.status, body["error"][0]["code"]


def sides(play: PlayedSession, by: str) -> tuple[Peer, Peer]:
    """The peer of that name, and the other."""
    both = (play.client, play.provider)
    return both if by == "client" else both[::-1]


def other_side(by: str) -> str:
    """The name of the other peer."""
    return "provider" if by == "client" else "client"


def legs(play: PlayedSession, by: str) -> tuple[Leg | SocketLeg, Leg | SocketLeg]:
    """The relay's ends of the same."""
    both = (play.client_leg, play.upstream_leg)
    return both if by == "client" else both[::-1]
