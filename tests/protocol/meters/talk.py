"""A session through two observed pipes, said message by message."""

from __future__ import annotations

import json
from collections.abc import Mapping

from relay.protocol import CATALOGUE, Endpoint, Limits, PermessageDeflate, Pipe, SessionMeter, Usage
from relay.protocol.frames import BINARY, TEXT
from relay.testing.frames import MASKING_KEY, Frame

__all__ = ["Talk", "endpoint"]


Message = Mapping[str, object] | str | bytes


def endpoint(provider: str, path: str) -> Endpoint:
    """An endpoint of the catalogue."""
    (found,) = [
        each
        for entry in CATALOGUE
        if entry.name == provider
        for each in entry.endpoints
        if each.path == path
    ]
    return found


class Talk:
    """One session. ``now`` is what its clock says, and goes on by a second with each message."""

    def __init__(
        self,
        provider: str,
        path: str,
        query: bytes | None = None,
        *,
        model: str | None = None,
        compression: PermessageDeflate | None = None,
    ) -> None:
        self.now = 0.0
        self.meter = SessionMeter(
            endpoint(provider, path),
            clock=lambda: self.now,
            model=model,
            query=query,
            compression=compression,
        )
        compressed = compression is not None
        self._inbound = Pipe(
            masked=True, limits=Limits(), compressed=compressed, observer=self.meter.inbound
        )
        self._outbound = Pipe(
            masked=False, limits=Limits(), compressed=compressed, observer=self.meter.outbound
        )

    def client(self, *messages: Message) -> Talk:
        """The client says these: objects as JSON in text, strings as text, bytes as binary."""
        for message in messages:
            self._say(self._inbound, frame(message).encode(MASKING_KEY))
        return self

    def provider(self, *messages: Message) -> Talk:
        """The provider says these."""
        for message in messages:
            self._say(self._outbound, frame(message).encode())
        return self

    def frames(self, *frames: Frame, inbound: bool = False) -> Talk:
        """One side says these frames."""
        for each in frames:
            pipe = self._inbound if inbound else self._outbound
            self._say(pipe, each.encode(MASKING_KEY if inbound else None))
        return self

    def end(self) -> SessionMeter:
        """The session ends."""
        self.meter.finish(self.now)
        return self.meter

    def usage(self) -> dict[str | None, dict[str, object]] | None:
        """The session ends; what was used, by model, without what is zero."""
        used = self.end().usage
        return None if used is None else {model: dict(each.counted()) for model, each in used}

    def talking(self) -> bool | None:
        """Whether a response is running."""
        return self.meter.talking

    def turns(self) -> list[tuple[float, float | None, float | None, bool, Usage | None]]:
        """The turns so far."""
        return [
            (each.began, each.first_audio, each.ended, each.interrupted, each.usage)
            for each in self.meter.turns
        ]

    def _say(self, pipe: Pipe, data: bytes) -> None:
        self.now += 1
        assert pipe.receive_data(data) == data


def frame(message: Message) -> Frame:
    """One message in one frame."""
    if isinstance(message, bytes):
        return Frame(BINARY, message)
    return Frame(TEXT, (message if isinstance(message, str) else dump(message)).encode())


def dump(document: Mapping[str, object]) -> str:
    """JSON without spaces, as most providers write it."""
    return json.dumps(document, separators=(",", ":"))
