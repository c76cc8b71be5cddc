"""A value that cannot be formatted."""

from __future__ import annotations

import hmac
from typing import NoReturn

__all__ = ["BearerToken", "Secret"]


class Secret:
    """Holds a gateway token or a provider credential, and shows it to nobody.

    ``repr``, ``str`` and f-strings give a placeholder, pickling is refused, and comparison takes
    the same time whatever the values are. Only :meth:`reveal` gives the bytes; its callers are
    the few places that a review has to look at.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The value itself, to be sent or hashed and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


class BearerToken(Secret):
    """A stored key that goes upstream as ``Authorization: Bearer`` (RFC 6750 2.1), wherever the
    provider's keys go otherwise: an access token, which some providers take beside keys."""

    __slots__ = ()
