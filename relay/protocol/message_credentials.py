"""Credentials in messages: their removal from what a client sends.

Some endpoints take a credential as a member of a JSON message. A gateway token that stands there
must not go on; nor may a credential of the client's, where the gateway has put its stored key or
takes none from clients.
"""

from __future__ import annotations

from collections.abc import Collection

from relay.protocol.credentials import TOKEN_PREFIX, contains_token
from relay.protocol.errors import RemoteProtocolError
from relay.protocol.json_pairs import Pairs, read_pairs
from relay.protocol.messages import Policy

__all__ = ["credential_filter"]


def credential_filter(members: Collection[str], *, keep_own: bool) -> Policy:
    """A policy that takes credentials out of a client's messages.

    A message without one passes as it came.

    Args:
        members: The names of the members that carry a credential, in lower case.
        keep_own: Whether what is no gateway token stays.

    Raises:
        RemoteProtocolError: The policy does, with 1008, for what is no JSON object to us and holds
            the name of such a member, or a gateway token: another parser may find it.
    """

    def is_dropped(name: str, value: object) -> bool:
        if name.lower() not in members:
            return False
        # A JSON string may hold half of a surrogate pair, which is no UTF-8 by itself.
        text = str(value).encode("utf-8", "surrogatepass")
        return not keep_own or contains_token(text) or text.startswith(TOKEN_PREFIX)

    def policy(message: str | bytes) -> tuple[str | bytes, ...]:
        text = message if isinstance(message, str) else message.decode("latin-1")
        text = text.replace("\0", "").lower()  # of UTF-16 and UTF-32 too
        if "\\" not in text and not any(each in text for each in members):
            return (message,)
        pairs = read_pairs(message)
        if pairs is None:
            if any(each in text for each in (*members, "rly_", "\\u")):
                raise RemoteProtocolError(
                    "a message that may hold a credential is no JSON object", close_code_hint=1008
                )
            return (message,)
        kept = Pairs((name, value) for name, value in pairs if not is_dropped(name, value))
        if len(kept) == len(pairs):
            return (message,)
        changed = kept.dump()
        return (changed if isinstance(message, str) else changed.encode(),)

    return policy
