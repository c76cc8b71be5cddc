"""Gateway tokens: made here, known to the configuration by their hash only."""

from __future__ import annotations

import base64
import hashlib
import secrets

__all__ = ["new_token", "token_hash"]


def new_token() -> str:
    """A new gateway token: ``rly_`` and 32 random bytes in unpadded base64url.

    All its characters may stand in a subprotocol entry, where browsers have to put it.
    """
    return "rly_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What the configuration holds of a token: its SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
