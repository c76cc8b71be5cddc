"""What is logged of a fault: where it happened, and not its words."""

from __future__ import annotations

import pytest
import structlog

from relay.log import log_fault

SECRET = "sk-not-to-be-seen"


def test_a_fault_is_told_by_its_place_and_without_its_words() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        fail_twice()
    with structlog.testing.capture_logs() as lines:
        log_fault(structlog.get_logger(), caught.value)
    assert [line["error"] for line in lines] == ["ValueError", "KeyError"]
    assert lines[0]["where"].startswith("test_fault.py:")
    assert lines[1]["where"] == ""  # it was never raised
    assert SECRET not in str(lines)


def fail_twice() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        raise ExceptionGroup(SECRET, [error, KeyError(SECRET)]) from None
