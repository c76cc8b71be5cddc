"""Who is logged in on the page, and who has tried in vain. All of it in memory."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

import trio

__all__ = ["LIFETIME", "Attempts", "Login", "Logins"]

LIFETIME = 12 * 3600
"""Seconds from a login to its end."""

_MOST = 64  # logins, or addresses that have tried in vain
_PAUSE = 6.0  # seconds for each wrong token
_AT_ONCE = 10  # of them


class Login(NamedTuple):
    """What stands for the token once it was shown: two secrets, of which one alone opens nothing.

    A browser keeps a cookie from every script, but sends it to every port of the host (RFC 6265
    8.5), so to whatever else is served there. What a page keeps, only pages of its own origin get,
    and the port is part of that (RFC 6454 4).
    """

    cookie: str
    page: str


class Logins:
    """Those that are logged in, each as long as the token with which they came is the token."""

    def __init__(self) -> None:
        # By the hash of the cookie: the hash of what the page has, when it ends, the token's hash.
        self._known: dict[bytes, tuple[bytes, float, bytes]] = {}

    def begin(self, token_sha256: bytes) -> Login:
        """Log somebody in, who has shown the token of that hash."""
        login = Login(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        if len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]  # the oldest
        ends = trio.current_time() + LIFETIME
        self._known[_hash(login.cookie)] = _hash(login.page), ends, token_sha256
        return login

    def holds(self, login: Login, token_sha256: bytes) -> bool:
        """Whether somebody is logged in so, by the token of that hash."""
        page, ends, known = self._known.get(_hash(login.cookie), (b"", 0.0, b""))
        is_it = hmac.compare_digest(page, _hash(login.page))
        return is_it and trio.current_time() < ends and hmac.compare_digest(known, token_sha256)

    def end(self, login: Login) -> None:
        """Log somebody out."""
        cookie = _hash(login.cookie)
        page, _, _ = self._known.get(cookie, (b"", 0.0, b""))
        if hmac.compare_digest(page, _hash(login.page)):
            del self._known[cookie]


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
