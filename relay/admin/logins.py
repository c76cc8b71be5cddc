"""Who is logged in on the page, and who has tried in vain. All of it in memory."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import trio

__all__ = ["LIFETIME", "Attempts", "Logins"]

LIFETIME = 12 * 3600
"""Seconds from a login to its end."""

_MOST = 64  # logins, or addresses that have tried in vain
_PAUSE = 6.0  # seconds for each wrong token
_AT_ONCE = 10  # of them


class Logins:
    """Those that are logged in.

    Each has a random secret, which its browser keeps in a cookie and nobody else. It is worth
    something as long as the token with which it was got.
    """

    def __init__(self) -> None:
        self._ends: dict[bytes, tuple[float, bytes]] = {}  # by hash: when, and the token's hash

    def begin(self, token_sha256: bytes) -> str:
        """Log somebody in, who has shown the token of that hash; return the new secret."""
        secret = secrets.token_urlsafe(32)
        if len(self._ends) >= _MOST:
            del self._ends[next(iter(self._ends))]  # the oldest
        self._ends[_hash(secret)] = trio.current_time() + LIFETIME, token_sha256
        return secret

    def holds(self, secret: str, token_sha256: bytes) -> bool:
        """Whether that is the secret of somebody who is logged in, by the token of that hash."""
        ends, known = self._ends.get(_hash(secret), (0.0, b""))
        return trio.current_time() < ends and hmac.compare_digest(known, token_sha256)

    def end(self, secret: str) -> None:
        """Log somebody out."""
        self._ends.pop(_hash(secret), None)


class Attempts:
    """Wrong tokens: of each address ten at once, and then one every six seconds."""

    def __init__(self) -> None:
        self._forgiven: dict[str, float] = {}  # by address: when none of its tokens counts any more

    def wait(self, address: str) -> float:
        """The seconds until a token of that address is looked at; 0 if it is now."""
        forgiven = self._forgiven.get(address, 0.0)
        return max(0.0, forgiven - trio.current_time() - _PAUSE * (_AT_ONCE - 1))

    def count(self, address: str) -> None:
        """Count a wrong token."""
        forgiven = max(self._forgiven.pop(address, 0.0), trio.current_time()) + _PAUSE
        if len(self._forgiven) >= _MOST:
            del self._forgiven[next(iter(self._forgiven))]  # which tried longest ago
        self._forgiven[address] = forgiven


def _hash(secret: str) -> bytes:
    """By hashes they are found and compared, so that the time it takes tells nothing of them."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()
