"""What of a message an operator may see: its text, without secrets and without audio."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from relay.protocol import Secret
from relay.protocol.credentials import contains_secret, contains_token

__all__ = ["HELD", "HIDDEN", "LONGEST", "Redaction"]

HELD = 64 * 1024
"""Bytes of a message that are looked at."""
LONGEST = 2048
"""Characters that are shown of it."""
HIDDEN = "…(hidden: it may hold a secret)"
"""In place of a message in which one of the session's secrets stands, or a gateway token."""

_SEEN = HELD // 2  # of a message that goes on: a secret that begins there is seen to its end
_MOST_ESCAPES = 8  # JSON in a string in JSON, and so on
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_BASE64 = re.compile(  # nothing else that is worth reading goes on so long
    r"(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_\\-]{128})(?:[A-Za-z0-9+/_-]++|\\/)++={0,2}"
)


class Redaction:
    """Shows texts of one session.

    Args:
        secrets: Its credentials, and its gateway token.
        members: Names of members of its messages that carry a credential, in lower case.
    """

    def __init__(self, secrets: Sequence[Secret], members: Collection[str] = ()) -> None:
        self._secrets = secrets
        self._members = [each.encode() for each in members]

    def show(self, payload: bytes, *, whole: bool = True) -> str:
        """A text for people.

        A secret is looked for as it is, percent-encoded and with escapes of JSON. Long base64 gives
        way to its length.

        Args:
            payload: The text, which need not be UTF-8; if it is not whole, of it :data:`HELD`
                bytes.
            whole: Whether that is all of it.
        """
        if self._may_hold_secret(payload):
            return HIDDEN
        text = (payload if whole else payload[:_SEEN]).decode(errors="replace")

        def elide(match: re.Match[str]) -> str:
            more = "" if whole or match.end() < len(text) else "+"
            return f"…({len(match[0]):,}{more} base64)"

        shown = _BASE64.sub(elide, text)
        if whole and len(shown) <= LONGEST:
            return shown
        return shown[:LONGEST] + "…"

    def _may_hold_secret(self, text: bytes) -> bool:
        for _ in range(_MOST_ESCAPES):
            text = text.replace(b"\0", b"")  # of UTF-16, too
            if contains_token(text) or contains_secret(text, self._secrets):
                return True
            lower = text.lower() if self._members else b""
            if any(each in lower for each in self._members):
                return True
            unescaped = _ESCAPE.sub(_character, text) if b"\\" in text else text
            if unescaped == text:
                return False
            text = unescaped
        return True  # nobody knows


def _character(escape: re.Match[bytes]) -> bytes:
    code, letter = escape.groups()
    if code is not None:
        return chr(int(code, 16)).encode("utf-8", "surrogatepass")
    return _ESCAPED.get(letter, letter)
