"""Replay a captured session through the pipes: no sockets and no clock, so always the same.

    python examples/embedding/replay.py session.jsonl
    python examples/embedding/replay.py --chunk 1 session.jsonl

It prints what each side was sent and what it is told in the end, for bug reports. A capture is
lines of JSON. The first one says what the pipes were made of:

    {"capture": 1, "lane": "verbatim", "compressed": false,
     "max_message_size": 33554432, "max_fragments": 65536}

The others say what happened, in this order, and when, in seconds since the 101:

    {"at": 0.25, "from": "client", "data": "gYUBAgMEaW..."}   was read of it, in base64
    {"at": 1.5, "from": "provider", "data": ""}               its bytes have ended
    {"at": 1.5, "cause": "peers", "lost": ["provider"]}       why the session was ended, and to whom
                                                              something could not be written

After the cause comes what was read while it was closed. A cause `policy` has a `reason`. Opening
handshakes are not in a capture: they hold credentials; but messages are. capture.py makes captures.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from relay.protocol import (
    Cause,
    Close,
    Leg,
    Limits,
    MessagePipe,
    Pipe,
    closing,
    ending,
    farewell,
    policy,
)

_CAUSES = {each.name: each for each in vars(closing).values() if isinstance(each, Cause)}
_MASKING_KEY = bytes(4)  # of the Close frames that are replayed; a relay draws a new one for each


class Replay:
    """A session between a client and a provider that are not there.

    Args:
        first: The first line of a capture.
        chunk: At most so many bytes at a time are given to a pipe; None for what was read.
    """

    def __init__(self, first: dict[str, Any], chunk: int | None = None) -> None:
        if first.get("capture") != 1:
            raise ValueError("the first line is not that of a capture")
        limits = Limits(
            max_message_size=first["max_message_size"], max_fragments=first["max_fragments"]
        )
        self._chunk = chunk
        if first["lane"] == "messages":
            self.inbound: Pipe = MessagePipe(masked=True, limits=limits)
            self.outbound: Pipe = MessagePipe(masked=False, limits=limits)
        else:
            compressed = first["compressed"]
            self.inbound = Pipe(masked=True, limits=limits, compressed=compressed)
            self.outbound = Pipe(masked=False, limits=limits, compressed=compressed)
        self.sent = {"client": b"", "provider": b""}
        """What each side was sent, Close frames of the relay's own included."""
        self._closing = False

    def happen(self, line: dict[str, Any]) -> Iterator[str]:
        """Let one thing happen; say what comes of it."""
        if "cause" in line:
            yield from self._end(line)
        elif line["from"] == "client":
            yield from self._read("client", "provider", self.inbound, line)
        else:
            yield from self._read("provider", "client", self.outbound, line)

    def _read(self, name: str, other: str, pipe: Pipe, line: dict[str, Any]) -> Iterator[str]:
        before, messages = pipe.state, pipe.messages
        data = base64.b64decode(line["data"])
        size = self._chunk or len(data) or 1
        out = b"".join(
            pipe.receive_data(data[start : start + size])
            for start in range(0, len(data) or 1, size)
        )
        what = f"{len(data)} bytes" if data else "the end"
        if self._closing:
            yield f"{name}: {what}"
        else:
            self.sent[other] += out
            messages = pipe.messages - messages
            yield f"{name}: {what}; {other} is sent {len(out)}, messages: {messages}"
        if pipe.state is not before:
            yield f"{name} is {pipe.state.value}{_why(pipe)}"
            if frame := farewell(self.inbound, self.outbound, _MASKING_KEY):
                self.sent["provider"] += frame
                yield f"provider is told {_words(self.inbound.close)}"

    def _end(self, line: dict[str, Any]) -> Iterator[str]:
        """Close as the table says."""
        for name, pipe in (("provider", self.inbound), ("client", self.outbound)):
            if name in line["lost"]:
                pipe.send_failed()
        known = line["cause"] != "policy"
        cause = _CAUSES[line["cause"]] if known else policy(line.get("reason", ""))
        end = ending(self.inbound, self.outbound, cause, _MASKING_KEY)
        yield f"the end: {cause.name}"
        for name, leg in (("client", end.client), ("provider", end.upstream)):
            self.sent[name] += leg.frame
            yield f"{name} is told {_outcome(leg)}"
        self._closing = True


def _why(pipe: Pipe) -> str:
    if pipe.error is not None:
        return f": {pipe.error}"
    return f": {_words(pipe.close)}" if pipe.close is not None else ""


def _words(close: Close | None) -> str:
    if close is None:
        return "nothing"
    return "an empty Close" if close.code is None else f"{close.code} {close.reason}".rstrip()


def _outcome(leg: Leg) -> str:
    if leg.reset:
        return "nothing; its connection is reset"
    had_it_already = leg.close is not None and not leg.frame
    return _words(leg.close) + (", which it has had" if had_it_already else "")


def replay(lines: Iterable[str], chunk: int | None = None) -> Iterator[str]:
    """Replay a capture; say what happens, a line for each thing."""
    happened = (json.loads(line) for line in lines)
    session = Replay(next(happened, {}), chunk)
    for line in happened:
        for words in session.happen(line):
            yield f"{line['at']:10.6f}  {words}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Replay a captured session.")
    parser.add_argument("capture", type=Path)
    parser.add_argument("--chunk", type=int, help="cut what was read into pieces of so many bytes")
    arguments = parser.parse_args()
    try:
        with arguments.capture.open() as lines:
            for words in replay(lines, arguments.chunk):
                print(words)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"{arguments.capture}: not a capture: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
