"""Field lines: reading lists, and the written policy for what passes from one side to the other.

A head's field lines are ``(name, value)`` pairs of bytes, names in lower case, in the order they
came. What passes is an allow-list in both directions, so a field line that nobody thought of stays
where it is:

- ``Host`` is the upstream's own. ``Origin`` is judged here and not sent: it names a page that the
  provider does not know.
- ``User-Agent`` passes, since providers tell their SDKs apart by it.
- ``Forwarded`` and ``X-Forwarded-*`` are neither passed nor added: who our clients are is not the
  provider's business.
- The SDKs' own field lines pass by the patterns of the provider's catalogue entry, and others by
  the names that a configuration adds to these.
- ``Cookie``, ``Proxy-*`` and every ``cf-aig-*`` stay here.
- Credentials are not this file's: ``credentials`` moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["FieldLines", "answer_fields", "list_members", "request_fields", "values"]

FieldLines = Sequence[tuple[bytes, bytes]]

_REQUEST_FIELDS = (b"user-agent", b"x-stainless-*", b"x-fern-*")

_ANSWER_FIELDS = (  # to the client, with a 101 or a refusal
    b"request-id",
    b"x-request-id",
    b"dg-request-id",
)
_REFUSAL_FIELDS = (  # with a refusal only
    b"content-type",
    b"content-language",
    b"dg-error",
    b"retry-after",
    b"www-authenticate",
    b"x-ratelimit-*",
)


def values(fields: FieldLines, name: bytes) -> list[bytes]:
    """The values of every field line of that (lower-case) name, in order."""
    return [value for each, value in fields if each == name]


def list_members(fields: FieldLines, name: bytes) -> list[bytes]:
    """The members of a list of tokens, over all its field lines (RFC 9110 5.3, 5.6.1).

    Only for fields whose members hold no quoted strings.
    """
    joined = b",".join(values(fields, name))
    return [member for each in joined.split(b",") if (member := each.strip(b" \t"))]


def _matches(name: bytes, patterns: Iterable[bytes]) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith(b"*") else name == pattern
        for pattern in patterns
    )


def request_fields(fields: FieldLines, patterns: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """The client's field lines that go to the provider, credentials apart.

    Args:
        fields: The client's.
        patterns: What the provider's catalogue entry or configuration lets pass besides; a trailing
            ``*`` is a wildcard.

    Field lines that ``Connection`` names are for this hop and stay here (RFC 9110 7.6.1).
    """
    hop = {member.lower() for member in list_members(fields, b"connection")}
    allowed = (*_REQUEST_FIELDS, *patterns)
    return [(name, value) for name, value in fields if name not in hop and _matches(name, allowed)]


def answer_fields(fields: FieldLines, *, refusal: bool) -> list[tuple[bytes, bytes]]:
    """The provider's field lines that go to the client, with its 101 or with its refusal."""
    allowed = (*_ANSWER_FIELDS, *_REFUSAL_FIELDS) if refusal else _ANSWER_FIELDS
    return [(name, value) for name, value in fields if _matches(name, allowed)]
