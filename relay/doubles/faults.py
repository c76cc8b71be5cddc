"""The faults of a provider: what they are called, and what each of them does on the wire.

A fault is a value. It is made by its class or read from a line, such as ``reset``,
``drop:after=3``, ``refuse:429``, ``slow:bytes=1,every=100ms`` or ``close:3000 insufficient_quota``:
a name, then options separated by commas, the main one without its name and last. What clients and
the log of a relay make of each stands in ``docs/faults.md``.

Another fault is another subclass of ``Fault``; to be read from a line, it stands in ``FAULTS``.
"""

from __future__ import annotations

import dataclasses
import http
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from relay.doubles.faulty_stream import Fault, FaultyStream
from relay.protocol.frames import BINARY, TEXT, control_frame, mask
from relay.protocol.frames import CLOSE as CLOSE_FRAME
from relay.units import duration, size

__all__ = [
    "FAULTS",
    "Close",
    "Drop",
    "Fault",
    "HangUp",
    "Late",
    "Mask",
    "NamedFault",
    "Oversize",
    "Refuse",
    "Reset",
    "Slow",
    "Stall",
    "Utf8",
    "Vanish",
    "parse_fault",
]

_MAX_REASON = 123  # RFC 6455 5.5: 125 bytes of payload, two of them the status code
_PIECE = 64 * 1024
_OPTION = re.compile(r"([a-z]+)=([^,]*)(?:,|$)")


def _option(
    default: Any,
    read: Callable[[str], Any],
    write: Callable[[Any], str] = str,
    *,
    main: bool = False,
) -> Any:
    """A field that is read from a line; the main one stands there last, without its name."""
    metadata = {"read": read, "write": write, "main": main}
    return dataclasses.field(default=default, metadata=metadata)


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError("must be a whole number")
    return int(text)


def _at_least_one(text: str) -> int:
    return _count(text) or _raise("must be at least 1")


def _status(text: str) -> int:
    status = _count(text)
    return status if 200 <= status <= 599 else _raise("must be a status from 200 to 599")


def _code_and_reason(text: str) -> tuple[int | None, str]:
    code, _, reason = text.partition(" ")
    if _count(code) > 65535:
        raise ValueError("has a status code over 65535")
    if len(reason.encode()) > _MAX_REASON:
        raise ValueError(f"has a reason over {_MAX_REASON} bytes")
    return int(code), reason


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _bytes(size: int) -> str:
    return f"{size}B"


def _in_words(code_and_reason: tuple[int | None, str]) -> str:
    code, reason = code_and_reason
    return "" if code is None else f"{code} {reason}".rstrip()


def _raise(message: str) -> Any:
    raise ValueError(message)


@dataclass(frozen=True)
class NamedFault(Fault):
    """A fault that can be read from a line."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """What it does on the wire, for people; its options, with their defaults, in brackets."""

    def __str__(self) -> str:
        """The line that it can be read from, with all its options."""
        options = []
        for each in sorted(dataclasses.fields(self), key=lambda each: each.metadata["main"]):
            text = each.metadata["write"](getattr(self, each.name))
            options.append(text if each.metadata["main"] else f"{each.name}={text}")
        options = [each for each in options if each]
        return f"{self.name}:{','.join(options)}" if options else self.name


@dataclass(frozen=True)
class _Strike(NamedFault):
    """A fault of an open session."""

    after: int = _option(1, _count)


@dataclass(frozen=True)
class Refuse(NamedFault):
    """The opening handshake is refused."""

    name = "refuse"
    summary = "refuse the opening with an HTTP status, from 200 to 599 (503)"
    status: int = _option(503, _status, main=True)

    async def before_opening(self, wire: FaultyStream) -> None:
        """Answer something else than 101."""
        try:
            phrase = http.HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        body = json.dumps({"error": {"message": "an injected fault", "status": self.status}})
        await wire.write(
            f"HTTP/1.1 {self.status} {phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        await wire.finish()


@dataclass(frozen=True)
class HangUp(NamedFault):
    """The connection ends without an answer."""

    name = "hangup"
    summary = "end the connection in place of an answer to the opening"

    async def before_opening(self, wire: FaultyStream) -> None:
        """Answer nothing."""
        await wire.finish()


@dataclass(frozen=True)
class Late(NamedFault):
    """The 101 takes its time."""

    name = "late"
    summary = "answer the opening only after a time (5s)"
    by: float = _option(5.0, duration, _seconds, main=True)

    async def before_opening(self, wire: FaultyStream) -> None:
        """Wait."""
        await wire.pause(self.by)


@dataclass(frozen=True)
class Drop(_Strike):
    """The connection ends between two messages."""

    name = "drop"
    summary = "end the connection (FIN) without a Close, between two frames"

    async def strike(self, wire: FaultyStream) -> None:
        """End."""
        await wire.finish()


@dataclass(frozen=True)
class Vanish(_Strike):
    """The connection ends inside a frame."""

    name = "vanish"
    summary = "end the connection (FIN) without a Close, in the middle of a frame"

    async def strike(self, wire: FaultyStream) -> None:
        """Begin a message, and end."""
        await wire.write(_half_a_frame())
        await wire.finish()


@dataclass(frozen=True)
class Reset(_Strike):
    """The connection is reset inside a frame."""

    name = "reset"
    summary = "reset the connection (RST) in the middle of a frame"

    async def strike(self, wire: FaultyStream) -> None:
        """Begin a message, and reset."""
        await wire.write(_half_a_frame())
        await wire.reset()


@dataclass(frozen=True)
class Stall(_Strike):
    """The provider hangs."""

    name = "stall"
    summary = "keep the connection, but read nothing and send nothing more"

    async def strike(self, wire: FaultyStream) -> None:
        """Hang."""
        await wire.stall()


@dataclass(frozen=True)
class Slow(_Strike):
    """Bytes trickle."""

    name = "slow"
    summary = "send some bytes (1) at a time, with pauses (100ms)"
    after: int = _option(0, _count)
    bytes: int = _option(1, _at_least_one)
    every: float = _option(0.1, duration, _seconds)

    async def strike(self, wire: FaultyStream) -> None:
        """Slow down."""
        wire.slow_down(self.bytes, self.every)


@dataclass(frozen=True)
class Oversize(_Strike):
    """A message that is too big."""

    name = "oversize"
    summary = "send a binary message that is too big (33554433B, one byte over 32MiB)"
    size: int = _option(32 * 1024 * 1024 + 1, size, _bytes, main=True)

    async def strike(self, wire: FaultyStream) -> None:
        """Send it, in one frame, and nothing after it."""
        wire.mute()
        await wire.write(_header(BINARY, self.size))
        for start in range(0, self.size, _PIECE):
            await wire.write(bytes(min(_PIECE, self.size - start)))


@dataclass(frozen=True)
class Utf8(_Strike):
    """Text that is none."""

    name = "utf8"
    summary = "send a text message that is not UTF-8, and go on"

    async def strike(self, wire: FaultyStream) -> None:
        """Send it."""
        payload = b'{"type": "\xff\xfe"}'
        await wire.write(_header(TEXT, len(payload)) + payload)


@dataclass(frozen=True)
class Mask(_Strike):
    """A frame as only clients send them."""

    name = "mask"
    summary = "send a masked frame, which a server must not, and go on"

    async def strike(self, wire: FaultyStream) -> None:
        """Send it."""
        key, payload = b"\x37\xfa\x21\x3d", b'{"type": "masked"}'
        head = bytes((0x80 | TEXT, 0x80 | len(payload)))
        await wire.write(head + key + mask(payload, key))


@dataclass(frozen=True)
class Close(_Strike):
    """A Close of any kind."""

    name = "close"
    summary = "send a Close with any code and reason, or an empty one"
    code_and_reason: tuple[int | None, str] = _option(
        (None, ""), _code_and_reason, _in_words, main=True
    )

    async def strike(self, wire: FaultyStream) -> None:
        """Send it, and nothing after it."""
        code, reason = self.code_and_reason
        payload = b"" if code is None else code.to_bytes(2, "big") + reason.encode()
        wire.mute()
        await wire.write(control_frame(CLOSE_FRAME, payload, None))


FAULTS: Mapping[str, type[NamedFault]] = {
    fault.name: fault
    for fault in (
        *(Refuse, HangUp, Late),
        *(Drop, Vanish, Reset, Stall, Slow),
        *(Oversize, Utf8, Mask, Close),
    )
}
"""By name."""


def parse_fault(line: str) -> NamedFault:
    """Read a fault from a line.

    Raises:
        ValueError: There is no such fault, or an option is wrong; the message says what there is.
    """
    name, _, rest = line.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
    options = {each.name: each for each in dataclasses.fields(kind)}
    given = []
    while match := _OPTION.match(rest):
        given.append((match[1], match[2]))
        rest = rest[match.end() :]
    main = next((each for each in options.values() if each.metadata["main"]), None)
    if main is not None:
        del options[main.name]
    values = {}
    for option, text in given:
        if option not in options:
            raise ValueError(f"{name}: there is no option {option!r}; {_there_is(options)}")
        values[option] = _read(name, options[option], text)
    if rest and main is None:
        raise ValueError(f"{name}: {rest!r} is no option; {_there_is(options)}")
    if rest and main is not None:
        values[main.name] = _read(name, main, rest)
    return kind(**values)


def _read(name: str, option: dataclasses.Field[Any], text: str) -> Any:
    try:
        return option.metadata["read"](text)
    except ValueError as error:
        raise ValueError(f"{name}: {text!r} {error}") from None


def _there_is(options: Iterable[str]) -> str:
    names = ", ".join(f"{each}=" for each in options)
    return f"there is {names}" if names else "it takes none"


def _header(opcode: int, length: int) -> bytes:
    """The header of an unmasked frame (RFC 6455 5.2)."""
    first = bytes((0x80 | opcode,))
    if length < 126:
        return first + bytes((length,))
    if length < 65536:
        return first + bytes((126,)) + length.to_bytes(2, "big")
    return first + bytes((127,)) + length.to_bytes(8, "big")


def _half_a_frame() -> bytes:
    payload = b'{"type": "half of a message", "delta": "' + b"x" * 88
    return _header(TEXT, 2 * len(payload)) + payload
