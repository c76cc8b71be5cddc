"""What log lines look like, and what never stands in them."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import structlog

from relay import log
from relay.protocol import Close, Secret

LEVELS = ["debug", "info", "warning", "error"]
SECRET = "sk-not-to-be-seen"

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What is configured for the process, as it was before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_is_one_object_per_line(capsys: Capture) -> None:
    log.configure("info", json=True)
    structlog.get_logger().info("opened", session="s-1", words="two\nlines \x1b[31m", count=2)
    structlog.get_logger().warning("ended", close=Close(1000, "bye"))
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = (json.loads(line) for line in captured.err.splitlines())
    moment = datetime.fromisoformat(first.pop("timestamp"))
    assert moment.utcoffset() == timedelta(0)
    assert first == {
        "event": "opened",
        "level": "info",
        "session": "s-1",
        "words": "two\nlines \x1b[31m",
        "count": 2,
    }
    assert "\x1b" not in captured.err
    assert second["level"] == "warning"
    assert second["close"] == [1000, "bye"]


def test_text_for_people_is_one_line_each(capsys: Capture) -> None:
    log.configure("info", json=False)
    structlog.get_logger().info("opened", session="s-1", words="two\nlines")
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert "[info" in line
    assert "opened" in line
    assert "session=s-1" in line
    assert r"words='two\nlines'" in line
    assert "\x1b" not in line  # no colours, since nobody looks


@pytest.mark.parametrize("json_lines", [True, False])
@pytest.mark.parametrize("level", LEVELS)
def test_nothing_below_the_level_is_logged(capsys: Capture, level: str, json_lines: bool) -> None:
    log.configure(level, json=json_lines)
    for each in LEVELS:
        getattr(structlog.get_logger(), each)(f"this is {each}")
    lines = capsys.readouterr().err.splitlines()
    expected = LEVELS[LEVELS.index(level) :]
    assert len(lines) == len(expected)
    assert all(f"this is {each}" in line for each, line in zip(expected, lines, strict=True))


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_secret_is_not_shown(capsys: Capture, json_lines: bool) -> None:
    log.configure("info", json=json_lines)
    secret = Secret(SECRET.encode())
    structlog.get_logger().bind(bound=secret).info(
        "event", key=secret, keys=[secret], by={1: secret}
    )
    shown = capsys.readouterr().err
    assert shown.count("Secret(...)") == 4
    assert "not-to-be-seen" not in shown


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_logger_made_before_follows_what_is_configured(capsys: Capture, json_lines: bool) -> None:
    early = structlog.get_logger()
    log.configure("error", json=not json_lines)
    early.error("first")
    log.configure("info", json=json_lines)
    early.info("second")
    first, second = capsys.readouterr().err.splitlines()
    assert second.startswith("{") is json_lines
    assert first.startswith("{") is not json_lines


def test_what_libraries_log_becomes_a_line_without_a_traceback(capsys: Capture) -> None:
    log.configure("info", json=True)
    library = logging.getLogger("trio.serve_listeners")
    error = OSError(24, "Too many open files")
    library.error("accept returned %s (%s); retrying", "EMFILE", error.strerror, exc_info=error)
    library.info("that was all")
    library.debug("of no interest")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    del first["timestamp"]
    assert first == {
        "event": "accept returned EMFILE (Too many open files); retrying",
        "level": "error",
        "logger": "trio.serve_listeners",
    }
    assert (second["event"], second["level"]) == ("that was all", "info")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed")])
def test_a_line_that_cannot_be_written_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The reader of a pipe is gone, a disk is full: sessions go on."""

    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise error

    monkeypatch.setattr(sys, "stderr", Broken())
    log.configure("info", json=True)
    structlog.get_logger().info("opened")
    logging.getLogger("trio").error("no descriptors")


@pytest.mark.parametrize("json_lines", [True, False])
def test_lines_that_were_dropped_are_counted_in_the_log(
    monkeypatch: pytest.MonkeyPatch, json_lines: bool
) -> None:
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", stream := Full())
    log.configure("error", json=json_lines)
    early = structlog.get_logger().bind(session="s-1")
    early.error("first")
    structlog.get_logger().error("second")
    stream.full = False
    early.error("third")
    notice, third = stream.getvalue().splitlines()
    if json_lines:
        assert json.loads(notice)["lines"] == 2
        assert json.loads(notice)["level"] == "warning"
    else:
        assert "lines=2" in notice
    assert "log lines could not be written" in notice
    assert "third" in third


def test_a_process_without_stderr_logs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    log.configure("info", json=False)
    structlog.get_logger().info("opened")
    assert capsys.readouterr().out == ""
