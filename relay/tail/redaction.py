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
_MOST_ESCAPES = 4000
_DEEPEST = 4  # an escape of a backslash may make another escape
_ESCAPE = re.compile(rb"(?<!\\)\\++u00([2-7][0-9a-fA-F])")  # of ASCII, also in JSON in JSON
_BASE64 = re.compile(  # nothing else that is worth reading goes on so long
    r"(?<![A-Za-z0-9+/_-])(?!(?<=\\)(?:/|u002[BbFf]))"  # nor begins within an escape
    r"(?=(?:[A-Za-z0-9+/_-]|\\(?:/|u002[BbFf])){128})"
    r"(?:[A-Za-z0-9+/_-]++|\\(?:/|u002[BbFf]))++={0,2}"
)


class Redaction:
    """Shows texts of one session.

    Args:
        secrets: Its credentials, and its gateway token.
        members: Names of members of its messages that carry a credential, in lower case.
    """

    def __init__(self, secrets: Sequence[Secret], members: Collection[str] = ()) -> None:
        self._secrets = secrets
        # The same as they are once all backslashes are gone.
        bare = [Secret(each.reveal().replace(b"\\", b"")) for each in secrets]
        self._bare = (*secrets, *bare)
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
        text = text.replace(b"\0", b"")  # of UTF-16, too
        if text.count(b"%") > _MOST_ESCAPES:
            return True  # as below
        if contains_token(text) or contains_secret(text, self._secrets):
            return True
        if b"\\" in text:
            # More is undone than JSON would: at worst, that hides a text without a secret.
            for _ in range(_DEEPEST):
                text, found = _ESCAPE.subn(_character, text, count=_MOST_ESCAPES)
                if found == _MOST_ESCAPES:
                    return True  # nobody knows
                if not found:
                    break
            else:
                return True
            text = text.replace(b"\\", b"")
            if contains_token(text) or contains_secret(text, self._bare):
                return True
        text = text.lower() if self._members else b""
        return any(each in text for each in self._members)


def _character(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 16)])
