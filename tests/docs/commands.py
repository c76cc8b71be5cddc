"""The commands of the documents, and somebody who types them into a shell as a page says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread, Timer
from typing import IO

from tests.docs.excuses import CANNOT_RUN
from tests.docs.snippets import ROOT, Snippet, all_snippets

__all__ = [
    "Command",
    "Program",
    "Reader",
    "Shell",
    "all_commands",
    "blocks",
    "commands_of",
    "commands_to_follow",
]

_LONGEST = 120.0  # seconds for one command: then it hangs
_PROGRAMS = {"relay": "-m relay", "python": "", "python3": ""}
_OF_THE_SHELL = {"_", "OLDPWD", "PWD", "SHLVL"}
_ONE_BY_ONE = {"make", "pip"}  # tests/docs/test_make.py and tests/docs/test_install.py


@dataclass(frozen=True, slots=True)
class Command:
    """A line that a reader may type."""

    page: str
    line: int
    """Where its block begins."""
    text: str
    """Without its comment; a line that goes on in the next is one."""
    printed: str = ""
    """What the page says that it prints, if it does."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def _typed(text: str) -> str:
    return re.sub(r"(^|\s+)#.*", "", text).strip()


def commands_of(snippet: Snippet) -> Iterator[Command]:
    """Those of a block."""
    text = re.sub(r"\s*\\\n\s*", " ", snippet.text)
    if snippet.kind == "console":
        for typed, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            yield Command(snippet.page, snippet.line, _typed(typed), printed)
        return
    for line in text.splitlines():
        if typed := _typed(line):
            yield Command(snippet.page, snippet.line, typed)


def blocks() -> list[Snippet]:
    """Those that hold commands."""
    return [*all_snippets("sh"), *all_snippets("console")]


def all_commands() -> list[Command]:
    """Those of all documents; of each in their order."""
    found = sorted(blocks(), key=lambda each: (each.page, each.line))
    return [command for snippet in found for command in commands_of(snippet)]


def commands_to_follow(page: str) -> list[Command]:
    """Those of a page that have to be run in its order: some need no other, and some cannot run."""
    return [
        each
        for each in all_commands()
        if each.page == page
        and each.text.split()[0] not in _ONE_BY_ONE
        and each.text not in CANNOT_RUN
    ]


class Shell:
    """A shell with nothing in its environment; what is exported in it stays."""

    def __init__(self, home: Path, folder: Path | None = None) -> None:
        """Make one.

        Args:
            home: An empty folder for what it needs.
            folder: Where it is; by default there.
        """
        self.folder = folder or home
        self.programs = home / "programs"
        self.programs.mkdir()
        for name, arguments in _PROGRAMS.items():
            program = self.programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            program.chmod(0o755)
        self.environment = {
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, command: str, *, code: int = 0, stdin: str = "") -> str:
        """Run a command to its end; give what it prints.

        Args:
            command: One line.
            code: With which it has to exit.
            stdin: What it reads.
        """
        exports = command.startswith("export ")
        done = subprocess.run(
            ["/bin/sh", "-c", f"{command} && env -0" if exports else command],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        if not exports:
            return done.stdout
        exported = dict(each.split("=", 1) for each in done.stdout.split("\0") if each)
        self.environment = {k: v for k, v in exported.items() if k not in _OF_THE_SHELL}
        return ""

    @contextmanager
    def serving(self, command: str, until: str, *, code: int = 0) -> Iterator[str]:
        """Run one that serves until the block is left; then press Ctrl-C, and see it end.

        Args:
            command: One line.
            until: What stands in the line by which it says that it serves.
            code: With which it has to exit.

        Yields:
            What it has printed so far.
        """
        with self.running(command, code=code) as program:
            yield program.prints(until)

    @contextmanager
    def running(self, command: str, *, code: int = 0) -> Iterator[Program]:
        """Run one until the block is left; then press Ctrl-C, and see it end.

        Args:
            command: One line.
            code: With which it has to exit.
        """
        # Where Ctrl-C is ignored, as in what runs in the background, programs would ignore it, too.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)
        fence = Timer(_LONGEST, os.killpg, (process.pid, signal.SIGKILL))
        fence.start()
        try:
            assert process.stdout is not None
            program = Program(process.pid, command, process.stdout)
            yield program
            os.killpg(process.pid, signal.SIGINT)
            printed = program.ends()
            assert process.wait() == code, printed
        finally:
            fence.cancel()
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


class Program:
    """One that runs, and what it prints. It never has to wait until that is read."""

    def __init__(self, pid: int, command: str, output: IO[str]) -> None:
        self._pid, self._command, self._output = pid, command, output
        self._printed, self._ended, self._more = "", False, Condition()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def prints(self, text: str) -> str:
        """Wait until it has printed that; give all that it has printed so far."""
        with self._more:
            self._more.wait_for(lambda: text in self._printed or self._ended)
            assert text in self._printed, f"{self._command} ended\n{self._printed}"
            return self._printed

    def descriptors(self) -> int:
        """How many it has, which Linux tells."""
        return len(os.listdir(f"/proc/{self._pid}/fd"))

    def ends(self) -> str:
        """Wait until it prints nothing more; give all that it has printed."""
        self._reader.join()
        return self._printed

    def _read(self) -> None:
        with self._output:
            for line in self._output:
                with self._more:
                    self._printed += line
                    self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()


class Reader:
    """Somebody who types the commands of a page in their order."""

    def __init__(self, page: str, shell: Shell) -> None:
        self.shell = shell
        self.knows: dict[str, str] = {}
        """What stands here for what a page cannot know, such as a token."""
        self._left = commands_to_follow(page)
        self._filled_in: set[str] = set()

    def next(self, beginning: str) -> Command:
        """The next command, which has to begin so, with all filled in that is known."""
        assert self._left, f"there is no further command, such as {beginning}"
        command = self._left.pop(0)
        assert command.text.startswith(beginning), command
        return Command(command.page, command.line, self.fill_in(command.text), command.printed)

    def types(self, beginning: str) -> str:
        """Run the next command to its end; give what it prints."""
        return self.shell.run(self.next(beginning).text)

    def fill_in(self, text: str) -> str:
        """The text with all that is known."""
        for said, here in self.knows.items():
            if said in text:
                self._filled_in.add(said)
                text = text.replace(said, here)
        return text

    def is_done(self) -> None:
        """See that there is nothing left, and that the page has whatever was filled in."""
        assert [str(each) for each in self._left] == []
        assert self.knows.keys() == self._filled_in
