"""What is tested with which SDK, and what cannot work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["EVERY_MODE", "Exclusion", "Language", "Mode", "Row"]


class Language(StrEnum):
    """What an SDK is for."""

    PYTHON = "python"
    NODE = "node"


class Mode(StrEnum):
    """How a program authenticates."""

    OWN = "own"
    """By the SDK's own means with a key of the provider, and with the gateway token beside it. The
    gateway has no stored keys: the client's has to arrive."""

    TOKEN = "token"
    """With the gateway token as the API key. The gateway puts its stored key in its place."""

    NONE = "none"
    """With nothing, at a gateway with ``authentication = "none"`` and without stored keys."""

    REFUSED = "refused"
    """With an unknown gateway token as the API key. The SDK has to end with an error."""


EVERY_MODE = (Mode.OWN, Mode.TOKEN, Mode.REFUSED)


@dataclass(frozen=True, slots=True)
class Row:
    """One realtime API of one SDK."""

    sdk: str
    """The package's name in its registry."""
    language: Language
    api: str
    """The API's name; the program's first argument."""
    provider: str
    """The provider's name in the world (``world.py``): which key the program gets."""
    program: str
    """The program's name without its suffix, in the folder of its language."""
    modes: tuple[Mode, ...] = EVERY_MODE
    no_own: str = ""
    """Why there is no ``own`` mode: what the SDK cannot send."""

    def __post_init__(self) -> None:
        if (Mode.OWN in self.modes) == bool(self.no_own):
            raise ValueError(f"{self.sdk} {self.api}: either a mode `own`, or why there is none")

    @property
    def name(self) -> str:
        """What the table calls the row, and what ``--only`` looks in."""
        return f"{self.sdk} {self.api}"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An API of an SDK that cannot be used through a gateway."""

    sdk: str
    language: Language
    api: str
    why: str
    """A property of the SDK; a sentence."""
    instead: str
    """What its user can do; a sentence."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.sdk} {self.api}"
