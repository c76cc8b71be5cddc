"""Several upstreams of one provider: who is asked, and when the next one is.

Only a configuration names several (``upstreams`` of docs/configuration.md). They are asked in its
order, before the 101 alone; nothing is remembered of those that failed.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from relay.protocol.errors import Refused
from relay.protocol.gateways import UpstreamRequest

__all__ = ["attempts", "may_fail_over"]

_UPSTREAM_FAILED = {2100, 2101}  # not 2102: what the relay itself lacks, no other upstream has


def attempts(request: UpstreamRequest) -> tuple[UpstreamRequest, ...]:
    """What each upstream is asked, in order: the same, each under its own name."""
    return (request, *(replace(request, origin=each) for each in request.other_origins))


def may_fail_over(request: UpstreamRequest, refused: Refused) -> bool:
    """Whether another upstream may be asked after one has failed like that.

    Args:
        request: What it was asked.
        refused: What the client would be told: that it could not be reached, that its answer was
            no valid one, or its own refusal.
    """
    if refused.status == HTTPStatus.TOO_MANY_REQUESTS:
        return request.failover_on_429
    return refused.status >= 500 and refused.code in _UPSTREAM_FAILED
