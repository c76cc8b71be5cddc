"""The two directions of a session that was opened, in the lane that it was opened for."""

from __future__ import annotations

from relay.protocol.gateways import UpstreamRequest
from relay.protocol.limits import Limits
from relay.protocol.messages import MessagePipe
from relay.protocol.observer import Observer
from relay.protocol.pipe import Pipe
from relay.protocol.upstream_opening import UpstreamAnswer

__all__ = ["pipes"]


def pipes(
    request: UpstreamRequest,
    answer: UpstreamAnswer,
    limits: Limits,
    *,
    sees_inbound: Observer | None = None,
    sees_outbound: Observer | None = None,
) -> tuple[Pipe, Pipe]:
    """Make the pipes of a session: inbound and outbound.

    Args:
        request: What the provider was asked. It says which lane the session runs in.
        answer: The provider's 101.
        limits: Those of the gateway.
        sees_inbound: Who looks at the client's messages from the side.
        sees_outbound: Who looks at the provider's.
    """
    if request.messages_lane:
        return (
            MessagePipe(
                masked=True, limits=limits, policies=request.policies, observer=sees_inbound
            ),
            MessagePipe(
                masked=False,
                limits=limits,
                policies=request.provider_policies,
                observer=sees_outbound,
            ),
        )
    compressed = answer.compression is not None
    return (
        Pipe(masked=True, limits=limits, compressed=compressed, observer=sees_inbound),
        Pipe(masked=False, limits=limits, compressed=compressed, observer=sees_outbound),
    )
