"""More sessions than there may be."""

from __future__ import annotations

import time
from contextlib import ExitStack

from tests.reliability.clients import Refusal, open_many, opened
from tests.reliability.providers import serve_provider
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_MOST, _MOST_OF_GATEWAY = 20, 10
_TOO_MANY = 200


def _refused(relay: Relay, lane: str) -> tuple[str, float]:
    """The status and Retry-After of one too many, and the seconds to it."""
    begun = time.monotonic()
    try:
        with opened(relay, "name=too-many", lane=lane):
            return "101", 0
    except Refusal as refusal:
        lines = refusal.head.lower().split("\r\n")
        retry = next((line for line in lines if line.startswith("retry-after:")), "")
        return f"{refusal.status} {retry}".strip(), time.monotonic() - begun


def _overload(place: Place) -> Outcome:
    with ExitStack() as stack:
        provider = stack.enter_context(serve_provider())
        relay = stack.enter_context(
            serve_relay(
                place.folder,
                provider.port,
                server=f"max_sessions = {_MOST}",
                gateway=f"max_sessions = {_MOST_OF_GATEWAY}",
            )
        )
        first = stack.enter_context(open_many(relay, _MOST_OF_GATEWAY))
        gateway_full = _refused(relay, "verbatim")[0]
        rest = stack.enter_context(open_many(relay, _MOST - _MOST_OF_GATEWAY, lane="messages"))
        answers = [_refused(relay, "messages") for _ in range(_TOO_MANY)]
        dialled = len(provider.reports())
        unaffected = sum(each.echoes() for each in (*first, *rest))
        rest[0].leave()
        provider.wait(lambda reports: any(each.closed_at for each in reports), 2)
        time.sleep(0.1)
        with opened(relay, lane="messages") as again:
            recovered = again.echoes()
    statuses = {status for status, _ in answers}
    slowest = max(seconds for _, seconds in answers)
    outcome = Outcome(
        f"gateway {gateway_full}, server {' / '.join(sorted(statuses))}, {_TOO_MANY} times, "
        f"{slowest * 1000:.0f} ms at most; {dialled - _MOST} dialled; {unaffected} of {_MOST} "
        f"unaffected; {'recovers' if recovered else 'does not recover'}"
    )
    outcome.promise("429 of the gateway", gateway_full.startswith("429"))
    outcome.promise("503 with Retry-After", statuses == {"503 retry-after: 5"})
    outcome.promise("no provider is asked", dialled == _MOST)
    outcome.promise("open sessions go on", unaffected == _MOST)
    outcome.promise("recovers", recovered)
    return outcome


ROWS = (
    Row(
        "one session too many",
        "503 or 429 before a provider is asked; the others go on; recovers",
        "Envoy 503 and no more accepted; HAProxy lets them wait",
        _overload,
    ),
)
