"""Text for a terminal."""

from __future__ import annotations

from relay.printable import printable


def test_what_could_steer_a_terminal_is_escaped() -> None:
    assert printable("a\x1b[31m\r\n\x07\x9b\u202e") == r"a\x1b[31m\r\n\x07\x9b\u202e"


def test_everything_else_stays() -> None:
    assert printable("wörter 語 €~\\x1b") == "wörter 語 €~\\x1b"
