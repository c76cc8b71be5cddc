"""An observer for tests."""

from __future__ import annotations

__all__ = ["Recorder"]


class Recorder:
    """An observer that writes down what it is shown, and raises at one of its calls."""

    def __init__(self, raises_at: int = -1) -> None:
        self.shown: list[tuple[object, ...]] = []
        self.failures = 0
        self._raises_at = raises_at

    def message(self, data: bytes, start: int) -> None:
        self._note("message", data[0], data[start:])

    def frame(self, first: int, length: int, key: bytes) -> None:
        self._note("frame", first, length, key)

    def payload(self, data: bytes, start: int, end: int) -> None:
        self._note("payload", data[start:end])

    def control(self, opcode: int, data: bytes, start: int, end: int) -> None:
        self._note("control", opcode, data[start:end])

    def failed(self) -> None:
        self.failures += 1
        raise ZeroDivisionError

    def _note(self, *what: object) -> None:
        if len(self.shown) == self._raises_at:
            raise ZeroDivisionError
        self.shown.append(what)
