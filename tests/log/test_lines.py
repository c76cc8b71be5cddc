"""Lines that are written at once, or dropped and counted."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from relay.log.lines import LogLines

MORE_THAN_FITS = 10_000  # lines
LINE = "a line of the log, as long as such lines are: " + "x" * 150


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """Both ends; the other one is a stream that would block."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with os.fdopen(writer, "w") as stream:
        yield reader, stream
    os.close(reader)


def notice(lines: int) -> str:
    return f"{lines} dropped"


def read_all(reader: int) -> list[str]:
    """The lines that have come; whole ones, if the last one is."""
    data = b""
    while True:
        try:
            part = os.read(reader, 65536)
        except BlockingIOError:
            break
        if not part:
            break
        data += part
    return data.decode().splitlines()


def test_lines_are_written_at_once(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    lines = LogLines(stream, notice)
    lines.write("one")
    assert read_all(reader) == ["one"]
    lines.write("two \u00e9 \udcff")
    assert read_all(reader) == ["two \u00e9 \\udcff"]


def test_a_pipe_that_nobody_reads_holds_nobody_up(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    lines = LogLines(stream, notice)
    for _ in range(MORE_THAN_FITS):
        lines.write(LINE)
    got = read_all(reader)
    assert set(got) == {LINE}
    lines.write("again")
    assert read_all(reader) == [f"{MORE_THAN_FITS - len(got)} dropped", "again"]
    lines.write("and so on")
    assert read_all(reader) == ["and so on"]


def test_a_line_longer_than_a_pipe_comes_whole_when_it_is_read(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, 2 * select.PIPE_BUF)
    lines = LogLines(stream, notice)
    lines.write("x" * (2 * select.PIPE_BUF + 100))
    lines.write("dropped")
    assert read_all(reader) == ["x" * 2 * select.PIPE_BUF]
    lines.write("after it")
    assert read_all(reader) == ["x" * 100, "1 dropped", "after it"]


def test_those_who_share_the_pipe_still_block(pipe: tuple[int, TextIO]) -> None:
    _, stream = pipe
    LogLines(stream, notice).write("one")
    assert os.get_blocking(stream.fileno())


def test_the_descriptor_of_its_own_is_given_back(pipe: tuple[int, TextIO]) -> None:
    before = os.listdir("/proc/self/fd")
    lines = LogLines(pipe[1], notice)
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    del lines
    assert os.listdir("/proc/self/fd") == before


def test_a_socket_that_nobody_reads_holds_nobody_up() -> None:
    """The journal's: it cannot be opened again."""
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.dup(theirs.fileno()), "w") as stream:
        os.set_blocking(ours.fileno(), False)
        lines = LogLines(stream, notice)
        for _ in range(MORE_THAN_FITS):
            lines.write(LINE)
        got = read_all(ours.fileno())
        assert set(got) == {LINE}
        lines.write("again")
        assert read_all(ours.fileno()) == [f"{MORE_THAN_FITS - len(got)} dropped", "again"]


def test_a_reader_that_is_gone_is_no_fault(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    lines = LogLines(stream, notice)
    replaced = os.open(os.devnull, os.O_RDONLY)
    os.dup2(replaced, reader)
    os.close(replaced)
    lines.write("nobody reads this")


def full_then_free(free: Callable[[], bool]) -> Callable[[int, bytes], int]:
    """A disk that takes 5 bytes more, and then nothing until it is free."""
    room, write = 5, os.write

    def attempt(descriptor: int, data: bytes) -> int:
        nonlocal room
        if free():
            return write(descriptor, data)
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = write(descriptor, bytes(data[:room]))
        room -= taken
        return taken

    return attempt


def test_a_disk_that_is_full_gets_the_rest_of_the_line_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, free = tmp_path / "log", False
    monkeypatch.setattr(os, "write", full_then_free(lambda: free))
    with path.open("w") as stream:
        lines = LogLines(stream, notice)
        for each in ("first line", "second", "third"):
            lines.write(each)
        assert path.read_text() == "first"
        free = True
        lines.write("fourth")
    assert path.read_text() == "first line\n2 dropped\nfourth\n"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed")])
def test_a_stream_without_descriptor_may_fail_too(error: Exception) -> None:
    class Stream(io.StringIO):
        broken = True

        def write(self, text: str) -> int:
            if self.broken:
                raise error
            return super().write(text)

    stream = Stream()
    lines = LogLines(stream, notice)
    lines.write("one")
    stream.broken = False
    lines.write("two")
    assert stream.getvalue() == "1 dropped\ntwo\n"
