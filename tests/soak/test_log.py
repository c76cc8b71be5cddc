"""What a log says of a soak."""

from __future__ import annotations

import json

import pytest

from tests.soak.log import complaints


def _line(event: str, session: str = "a", level: str = "info", **more: int) -> str:
    return json.dumps({"event": event, "session": session, "level": level, **more})


@pytest.mark.parametrize(
    ("lines", "asked", "what"),
    [
        ([], 0, []),
        ([_line("opened"), _line("ended")], 1, []),
        ([_line("refused"), _line("client left during the opening", "b")], 2, []),
        ([_line("opened"), _line("ended"), _line("note", level="warning")], 1, []),
        (
            [_line("opened")],
            0,
            ["session a was opened and did not end"],
        ),
        ([_line("ended")], 1, ["session a ended and was not opened"]),
        ([_line("opened"), _line("ended"), _line("ended")], 1, ["session a has 2 endings"]),
        ([_line("refused", code=2009)], 0, []),
        ([_line("refused")], 2, ["2 requests were sent, and 1 have an ending"]),
    ],
)
def test_what_is_wrong(lines: list[str], asked: int, what: list[str]) -> None:
    assert complaints("\n".join(["listening on http://127.0.0.1:1", *lines]), asked) == what


def test_a_fault_is_wrong() -> None:
    (what,) = complaints(_line("fault", level="error"), 0)
    assert what.startswith("logged: {'event': 'fault'")
