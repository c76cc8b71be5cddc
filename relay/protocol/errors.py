"""What may be raised, and the wire answer that each error carries.

A driver never decides what a peer is told: it hands the error to
:meth:`~relay.protocol.opening.ClientHandshake.refuse` before the 101, and the pipes' errors to
:func:`~relay.protocol.closing.ending` after it.
"""

from __future__ import annotations

import re

__all__ = [
    "LocalProtocolError",
    "ProtocolError",
    "ProviderRefused",
    "Refused",
    "RemoteProtocolError",
]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_FIELD_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]+([\t ]+[\x21-\x7e\x80-\xff]+)*)?")  # RFC 9110 5.5
_FRAMING = {"connection", "content-length", "transfer-encoding"}
"""Field lines that belong to the answer's message, and not to what it says (RFC 9112 6, 9.6)."""


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

    Raises:
        LocalProtocolError: No client could be refused so: another status, or what cannot stand in
            a field line. It says so here, where a program that makes refusals of its own can see
            it, and not once the client waits for the answer.
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
        if not 400 <= status <= 599:  # RFC 9110 15: the rest is no refusal
            raise LocalProtocolError(f"a refusal has a status of 4xx or 5xx, and not {status}")
        if not all(_is_field_line(*line) for line in fields):
            raise LocalProtocolError("a field line of a refusal is malformed, or frames its body")
        if proxy_error is not None and not _TOKEN.fullmatch(proxy_error):
            raise LocalProtocolError("the error type of a refusal is no token")
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


def _is_field_line(name: str, value: str) -> bool:
    """Whether this can be a field line of an answer whose body is framed already."""
    if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
        return False
    return _FIELD_VALUE.fullmatch(value) is not None


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
