from __future__ import annotations

import json

import pytest

from tests.conformance.relays import complaint


def _line(event: str, session: str = "s", level: str = "info") -> str:
    return json.dumps({"event": event, "session": session, "level": level})


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], ""),
        (
            [_line("opened", "a"), _line("opened", "b"), _line("ended", "b"), _line("ended", "a")],
            "",
        ),
        ([_line("refused"), _line("something", level="warning")], ""),
        (
            [_line("opened", "a"), _line("opened", "b"), _line("ended", "a")],
            "1 sessions did not end",
        ),
        ([_line("opened"), _line("fault", level="error")], "1 faults, the first one: fault"),
    ],
)
def test_a_log_says_whether_all_is_well(lines: list[str], what: str) -> None:
    assert complaint("\n".join(["listening on http://127.0.0.1:1", *lines])) == what
