"""What may be raised, and the wire answer that each error carries.

A driver never decides what a peer is told: it hands the error to
:meth:`~relay.protocol.opening.ClientHandshake.refuse` before the 101, and the pipes' errors to
:func:`~relay.protocol.closing.ending` after it.
"""

from __future__ import annotations

__all__ = [
    "LocalProtocolError",
    "ProtocolError",
    "ProviderRefused",
    "Refused",
    "RemoteProtocolError",
]


class ProtocolError(Exception):
    """A rule of HTTP or of WebSocket was broken; never raised itself."""


class LocalProtocolError(ProtocolError):
    """The caller asked for something that the protocol does not allow (a bug on our side)."""


class RemoteProtocolError(ProtocolError):
    """A peer broke the protocol, a limit or a policy, after the 101.

    Args:
        message: What was wrong, for logs and for the reason of the Close frame; at most 123
            bytes, and never with bytes of the peer in it.
        close_code_hint: The status code that tells the peer (RFC 6455 7.4.1): 1002, 1007, 1008
            or 1009.
    """

    def __init__(self, message: str, *, close_code_hint: int = 1002) -> None:
        super().__init__(message)
        self.close_code_hint = close_code_hint


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """A session is refused before the 101; docs/refusals.md lists all cases.

    Args:
        status: The HTTP status of the answer, 4xx or 5xx.
        code: The number in the body's ``error`` member.
        message: One sentence for a person; it holds no secret and no bytes of a peer.
        fields: Field lines that belong to this refusal, such as ``Retry-After``.
        proxy_error: The RFC 9209 error type; None for the refusals that concern only the client.
    """

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        fields: tuple[tuple[str, str], ...] = (),
        proxy_error: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.proxy_error = proxy_error

    @staticmethod
    def draining() -> Refused:
        """The relay stops, and opens no more sessions."""
        return Refused(
            503,
            2102,
            "the relay is draining",
            fields=(("Retry-After", "1"),),
            proxy_error="destination_unavailable",
        )

    @staticmethod
    def fault() -> Refused:
        """An exception of ours that is no refusal."""
        return Refused(500, 2000, "internal error", proxy_error="proxy_internal_error")


class ProviderRefused(Refused):
    """The provider refused the upgrade with 4xx or 5xx, and the client gets its answer.

    Args:
        status: The provider's status.
        message: Stands in a body of ours, where the provider's cannot be shown.
        fields: The provider's field lines that may pass.
        body: The provider's body; None if it cannot be shown.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        fields: tuple[tuple[str, str], ...],
        body: bytes | None,
    ) -> None:
        super().__init__(status, 2100, message, fields=fields)
        self.body = body
