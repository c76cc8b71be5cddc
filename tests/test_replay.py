"""examples/embedding/replay.py on captures that are written here."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from relay.testing.frames import MASKING_KEY, Frame, close
from tests.e2e.drivers import example

PROGRAM = Path(__file__).parent.parent / "examples" / "embedding" / "replay.py"
FIRST = {
    "capture": 1,
    "lane": "verbatim",
    "compressed": False,
    "max_message_size": 1024,
    "max_fragments": 10,
}
HELLO = Frame(0x1, b"hello")


def read(source: str, *frames: Frame, at: float = 0.5) -> dict[str, object]:
    """A line: these frames were read of that side; without any, its end."""
    key = MASKING_KEY if source == "client" else None
    data = b"".join(frame.encode(key) for frame in frames)
    return {"at": at, "from": source, "data": base64.b64encode(data).decode()}


def end(cause: str, *lost: str, **more: str) -> dict[str, object]:
    return {"at": 1.0, "cause": cause, "lost": lost, **more}


def replayed(*lines: dict[str, object], chunk: int | None = None, **first: object) -> list[str]:
    """What a replay says, without the times."""
    text = [json.dumps(line) for line in ({**FIRST, **first}, *lines)]
    return [line[12:] for line in example("replay").replay(text, chunk)]


@pytest.mark.parametrize("lane", ["verbatim", "messages"])
def test_a_closing_handshake(lane: str) -> None:
    assert replayed(
        read("client", HELLO),
        read("client", close(4000, "bye")),
        read("provider", close(4000, "bye")),
        end("peers"),
        read("provider"),
        lane=lane,
    ) == [
        "client: 11 bytes; provider is sent 11, messages: 1",
        "client: 11 bytes; provider is sent 11, messages: 0",
        "client is closing: 4000 bye",
        "provider: 7 bytes; client is sent 7, messages: 0",
        "provider is closing: 4000 bye",
        "the end: peers",
        "client is told 4000 bye, which it has had",
        "provider is told 4000 bye, which it has had",
        "provider: the end",
    ]


def test_how_it_was_cut_makes_no_difference_to_what_is_sent() -> None:
    lines = read("client", HELLO, HELLO), read("provider", HELLO), end("idle timeout")
    assert replayed(*lines, chunk=1) == replayed(*lines)


def test_a_provider_that_vanishes_inside_a_frame() -> None:
    cut = read("provider", Frame(0x2, b"12345", missing=5))
    assert replayed(cut, read("provider"), end("peers")) == [
        "provider: 7 bytes; client is sent 7, messages: 1",
        "provider: the end; client is sent 0, messages: 0",
        "provider is closed",
        "the end: peers",
        "client is told nothing; its connection is reset",
        "provider is told nothing",
    ]


def test_a_violation_of_the_client() -> None:
    assert replayed(
        read("client", Frame(0x3)),
        read("provider", HELLO),
        read("provider", close(1001)),
        end("peers"),
    ) == [
        "client: 6 bytes; provider is sent 0, messages: 0",
        "client is failed: reserved opcode",
        "provider is told 1001 going away",
        "provider: 7 bytes; client is sent 7, messages: 1",
        "provider: 4 bytes; client is sent 0, messages: 0",
        "provider is closed",
        "the end: peers",
        "client is told 1002 reserved opcode",
        "provider is told 1001 going away, which it has had",
    ]


def test_to_whom_nothing_could_be_written_is_reset() -> None:
    assert replayed(end("upstream stalled", "provider")) == [
        "the end: upstream stalled",
        "client is told 1011 upstream stalled",
        "provider is told nothing; its connection is reset",
    ]


def test_a_policy_has_its_reason() -> None:
    assert replayed(end("policy", reason="enough"))[1] == "client is told 1008 enough"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program(tmp_path: Path) -> None:
    capture = tmp_path / "session.jsonl"
    capture.write_text("\n".join(map(json.dumps, (FIRST, read("client", HELLO), end("draining")))))
    done = run("--chunk", 3, capture)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "  0.500000  client: 11 bytes; provider is sent 11, messages: 1",
        "  1.000000  the end: draining",
        "  1.000000  client is told 1001 going away",
        "  1.000000  provider is told 1001 going away",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON", '{"capture": 1}', "\xff"])
def test_what_is_no_capture_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    capture = tmp_path / "session.jsonl"
    capture.write_bytes(text.encode("latin-1"))
    done = run(capture)
    assert done.returncode == 1
    assert "not a capture" in done.stderr
    assert "Traceback" not in done.stderr
