"""The provider's side of an opening: its upstreams are asked in turn, until one answers 101."""

from __future__ import annotations

import secrets
import ssl
from contextlib import suppress
from dataclasses import dataclass

import structlog
import trio

from relay.dial import dial
from relay.link import close, is_private_path, receive
from relay.protocol import (
    Limits,
    Origin,
    Proxy,
    Refused,
    Timeouts,
    UpstreamAnswer,
    UpstreamHandshake,
    UpstreamRequest,
    attempts,
    may_fail_over,
)
from relay.resumption import Resumption
from relay.stopwatch import Stopwatch

__all__ = ["Upstream", "UpstreamOpening"]

_CHUNK = 4096
"""Bytes of an answer that are read at a time, at most: as a chunked body they can be 700 chunks of
one byte, which h11 takes 7 ms for, while everybody waits."""
_FOR_THE_BODY = 2
"""Seconds for the body of a refusal, once its head has come: what matters most is known, and the
client, or the next upstream, should not wait for a body that never ends."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """An upstream that has answered with its 101."""

    stream: trio.abc.Stream
    origin: Origin
    answer: UpstreamAnswer
    early_data: bytes
    request: UpstreamRequest
    """What it was asked, in the end."""


@dataclass(frozen=True, slots=True)
class UpstreamOpening:
    """What it takes to open the upstream of one session."""

    trust: ssl.SSLContext
    """Verifies the provider."""
    proxy: Proxy | None
    """Through which the provider is reached."""
    limits: Limits
    """On the head of its answer."""
    timeouts: Timeouts
    """For each upstream anew."""
    resumption: Resumption
    stopwatch: Stopwatch
    log: structlog.typing.FilteringBoundLogger

    async def run(self, request: UpstreamRequest) -> Upstream:
        """Ask one upstream after the other.

        Raises:
            Refused: The last one, or one after which no other may be asked, cannot be reached, or
                did not answer with a valid 101 in time.
        """
        *others, last = attempts(request)
        for attempt in others:
            try:
                return await self._ask(attempt)
            except Refused as refused:
                if not may_fail_over(attempt, refused):
                    raise
                self.stopwatch.lap("failover")
                self.log.warning(
                    "failover",
                    upstream=attempt.origin.address,
                    status=refused.status,
                    code=refused.code,
                    why=refused.message,
                )
        return await self._ask(last)

    async def _ask(self, request: UpstreamRequest) -> Upstream:
        """Connect to an upstream and ask for the upgrade."""
        origin, timeouts = request.origin, self.timeouts
        stream, early_data = await dial(
            origin, self.trust, self.proxy, timeouts.connect, self.resumption, self.stopwatch
        )
        try:
            if self._is_overheard(origin, stream):
                request = request.overheard()
            handshake = UpstreamHandshake(request, secrets.token_bytes(16), self.limits)
            with trio.move_on_after(timeouts.upstream) as patience:
                with suppress(trio.BrokenResourceError):  # it may have answered all the same
                    await stream.send_all(handshake.request_data())
                data = early_data or await receive(stream, _CHUNK)
                while (answer := handshake.receive_data(data)) is None:
                    if handshake.refused:
                        body_due = trio.current_time() + _FOR_THE_BODY
                        patience.deadline = min(patience.deadline, body_due)
                    data = await receive(stream, _CHUNK)
                self.stopwatch.lap("upstream")
                self.resumption.keep(self.trust, origin, stream)
                return Upstream(stream, origin, answer, handshake.early_data, request)
            raise handshake.timed_out()  # noqa: TRY301 - the stream is closed below
        except BaseException:
            await close(stream)
            raise

    def _is_overheard(self, origin: Origin, stream: trio.abc.Stream) -> bool:
        in_the_clear_beyond_the_proxy = self.proxy is not None and origin.scheme == "ws"
        return in_the_clear_beyond_the_proxy or not is_private_path(stream)
