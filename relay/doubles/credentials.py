"""Where a provider looks for a credential in an opening handshake, and what it makes of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay.doubles.opening import Request

__all__ = ["Slots", "Verdict", "mask"]


class Verdict(enum.Enum):
    """What a provider makes of the credentials in a request."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True)
class Slots:
    """The places where one provider accepts a credential."""

    headers: Mapping[bytes, str] = field(default_factory=dict)
    """Field names (lower-case), each with the scheme before the value; "" where there is none."""
    query: tuple[str, ...] = ()
    """Query parameters."""
    subprotocols: tuple[str, ...] = ()
    """What a subprotocol entry begins with when the rest of it is a credential."""

    def credentials(self, request: Request) -> list[str]:
        """Every credential that stands in these slots."""
        found = []
        for name, value in request.headers:
            if name in self.headers:
                scheme = self.headers[name]
                offered, _, credential = value.decode("latin-1").partition(" ")
                if not scheme:
                    found.append(value.decode("latin-1"))
                elif offered.lower() == scheme.lower():
                    found.append(credential.strip())
        found += [value for name, value in request.query if name in self.query]
        found += [
            entry.removeprefix(prefix)
            for entry in request.subprotocols
            for prefix in self.subprotocols
            if entry.startswith(prefix)
        ]
        return found

    def judge(self, request: Request, key: str) -> Verdict:
        """Compare every credential in these slots with ``key``; one wrong copy is wrong."""
        found = self.credentials(request)
        if not found:
            return Verdict.MISSING
        return Verdict.ACCEPTED if all(value == key for value in found) else Verdict.WRONG


def mask(credential: str) -> str:
    """``credential`` as an error message may show it: a few of its characters, never all."""
    if len(credential) < 16:
        return "*" * 8
    return f"{credential[:3]}{'*' * 8}{credential[-4:]}"
