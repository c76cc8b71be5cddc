"""Which trace of the client's a session belongs to, if the client says so.

Cloudflare AI Gateway documents two field lines for it, W3C Trace Context one for everybody. What is
malformed or repeated counts as absent: it is no reason to refuse a session.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from relay.protocol.credentials import contains_secret
from relay.protocol.fields import FieldLines, values
from relay.protocol.secret import Secret

__all__ = ["TraceContext", "read_trace_context"]

_TRACE_ID = re.compile(rb"[0-9a-f]{32}")
_SPAN_ID = re.compile(rb"[0-9a-f]{16}")
# W3C Trace Context 3.2.2; later versions may add members at the end (3.2.4)
_TRACEPARENT = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})"
    rb"-[0-9a-f]{2}(?P<more>-.*)?"
)


class TraceContext(NamedTuple):
    """Where a session stands in a trace."""

    trace_id: str | None = None
    """32 hexadecimal digits, in lower case."""
    parent_span_id: str | None = None
    """16 of them; None where the trace alone is known."""


def read_trace_context(fields: FieldLines, secrets: Sequence[Secret]) -> TraceContext:
    """Read ``cf-aig-otel-trace-id`` and ``cf-aig-otel-parent-span-id``, or else ``traceparent``.

    Args:
        fields: The client's field lines.
        secrets: Credentials of this session, which must not get into its record.
    """
    trace = _id(_only(fields, b"cf-aig-otel-trace-id").lower(), _TRACE_ID, secrets)
    if trace is not None:
        parent = _only(fields, b"cf-aig-otel-parent-span-id").lower()
        return TraceContext(trace, _id(parent, _SPAN_ID, secrets))
    match = _TRACEPARENT.fullmatch(_only(fields, b"traceparent"))
    if match is None or (match["version"] == b"00" and match["more"] is not None):
        return TraceContext()
    trace = _id(match["trace"], _TRACE_ID, secrets)
    parent_id = _id(match["parent"], _SPAN_ID, secrets)
    if trace is None or parent_id is None:
        return TraceContext()
    return TraceContext(trace, parent_id)


def _only(fields: FieldLines, name: bytes) -> bytes:
    """The value of the only field line of that name; empty if there are none, or several."""
    lines = values(fields, name)
    return lines[0] if len(lines) == 1 else b""


def _id(value: bytes, form: re.Pattern[bytes], secrets: Sequence[Secret]) -> str | None:
    """An id that can be one: nothing but zeros is none (W3C Trace Context 3.2.2.3, 3.2.2.4)."""
    if not form.fullmatch(value) or not value.strip(b"0") or contains_secret(value, secrets):
        return None
    return value.decode("ascii")
