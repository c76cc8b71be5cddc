"""Tails: an operator reads which messages pass in a session, while it runs."""

from relay.tail.tail import Tail
from relay.tail.tails import ContentRefusedError, TailRefusedError, Tails, TooManyTailsError

__all__ = ["ContentRefusedError", "Tail", "TailRefusedError", "Tails", "TooManyTailsError"]
