"""A log that cannot be written: the disk is full, or nobody reads the pipe."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from tests.reliability.clients import Client, Refusal, opened
from tests.reliability.providers import serve_provider
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row, Unmeasurable

__all__ = ["ROWS"]

_REFUSALS = 600  # each writes a line of some 200 bytes
_WATCHED = 2.0  # seconds


def _disk_full(place: Place) -> Outcome:
    with _small_disk(place.folder / "disk") as disk:
        log = disk / "log"

        def free() -> str:
            (disk / "ballast").unlink()
            return ""

        (disk / "ballast").write_bytes(bytes(16 * 1024))
        return _unwritable(place, f"2>>{log}", free, log.read_text)


def _unread_pipe(place: Place) -> Outcome:
    path = place.folder / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def drained() -> str:
        parts = []
        while True:
            try:
                parts.append(os.read(reader, 1 << 16))
            except BlockingIOError:
                return b"".join(parts).decode()

    try:
        return _unwritable(place, f"2>{path}", drained, drained)
    finally:
        os.close(reader)


def _unwritable(
    place: Place, redirection: str, free: Callable[[], str], read: Callable[[], str]
) -> Outcome:
    """Refuse and log; ``free`` makes room, and gives what was written; ``read`` the rest."""
    with (
        serve_provider() as provider,
        serve_relay(place.folder, provider.port, redirection=redirection) as relay,
        opened(relay) as good,
    ):
        begun = time.monotonic()
        answered = sum(_is_refused(relay) for _ in range(_REFUSALS))
        took = time.monotonic() - begun
        used, begun = relay.cpu(), time.monotonic()
        echoes = 0
        while time.monotonic() < begun + _WATCHED:
            echoes += good.echoes()
            time.sleep(0.05)
        share = (relay.cpu() - used) / _WATCHED
        before = free()
        again = _is_refused(relay)
        log = before + read()
    dropped = [
        int(str(line["lines"]))
        for line in map(_parsed, log.splitlines())
        if line.get("event") == "log lines could not be written"
    ]
    written = log.count('"refused"')
    outcome = Outcome(
        f"{answered} of {_REFUSALS} answered in {took:.1f} s, CPU afterwards {share:.0%}; "
        f"{written} lines written, dropped and said: {sum(dropped)}"
    )
    outcome.promise("keeps answering", answered == _REFUSALS and again)
    outcome.promise("the open session goes on", echoes >= _WATCHED / 0.05 * 0.5)
    outcome.promise("CPU below 10 %", share < 0.1)
    outcome.promise("says how many lines were dropped", dropped)
    outcome.promise("no line is missing unsaid", written + sum(dropped) >= _REFUSALS)
    return outcome


def _parsed(line: str) -> dict[str, object]:
    return json.loads(line) if line.startswith("{") else {}


def _is_refused(relay: Relay) -> bool:
    """Be refused as a client that is known: lines about strangers are limited in rate."""
    client = Client(relay.port, "/v1/acct/verbatim/nobody")
    try:
        client.complete()
    except Refusal as refusal:
        return refusal.status == 400
    finally:
        client.leave()
    return False


@contextmanager
def _small_disk(path: Path) -> Iterator[Path]:
    """A file system of 64 KiB.

    Raises:
        Unmeasurable: It cannot be mounted.
    """
    path.mkdir()
    mount, umount = which("mount"), which("umount")
    if mount is None or umount is None:
        raise Unmeasurable("there is no mount")
    command = [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unmeasurable(f"a tmpfs cannot be mounted: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run([umount, str(path)], check=True)


ROWS = (
    Row(
        "disk full for the log",
        "keeps serving, counts the lines it drops",
        "-",
        _disk_full,
        quick=False,
    ),
    Row("log pipe that nobody reads", "the same", "-", _unread_pipe),
)
