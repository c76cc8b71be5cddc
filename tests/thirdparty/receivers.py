"""Third parties that read frames: libraries without I/O, by their public interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Protocol, Side
from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from relay.protocol.frames import BINARY, CLOSE, PING, PONG, TEXT
from relay.testing.frames import Item
from relay.testing.laws import MakeReceiver

__all__ = ["RECEIVERS", "WebsocketsReceiver", "WsprotoReceiver"]


class WebsocketsReceiver:
    """``websockets.protocol``. It leaves the decoding of text to its caller, which this one does.

    Args:
        masked: Whether it is a server.
    """

    def __init__(self, masked: bool) -> None:
        self._protocol = Protocol(Side.SERVER if masked else Side.CLIENT, max_size=None)
        self._opcode = 0
        self._message = b""
        self._not_text = False

    @property
    def failed(self) -> int | None:
        """The code of the Close that it sends because of what it cannot read."""
        if self._not_text:
            return 1007
        close = self._protocol.close_sent
        return close.code if self._protocol.parser_exc is not None and close else None

    def receive_data(self, data: bytes) -> list[Item]:
        """Messages joined from its frames."""
        if self._not_text:
            return []
        self._protocol.receive_data(data)
        items: list[Item] = []
        for frame in self._protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode not in DATA_OPCODES:
                items.append((int(frame.opcode), bytes(frame.data)))
                continue
            if frame.opcode is not Opcode.CONT:
                self._opcode = int(frame.opcode)
            self._message += frame.data
            if not frame.fin:
                continue
            try:
                _ = self._opcode != TEXT or self._message.decode()
            except UnicodeDecodeError:
                self._not_text = True
                break
            items.append((self._opcode, self._message))
            self._message = b""
        return items


class WsprotoReceiver:
    """``wsproto.connection``.

    Args:
        masked: Whether it is a server.
    """

    def __init__(self, masked: bool) -> None:
        self._connection = Connection(ConnectionType.SERVER if masked else ConnectionType.CLIENT)
        self._message = b""
        self.failed: int | None = None
        """The code of a Close that it reports, though none has come."""

    def receive_data(self, data: bytes) -> list[Item]:
        """Messages joined from its events."""
        if self.failed is not None or not self._is_open():
            return []
        self._connection.receive_data(data)
        items: list[Item] = []
        for event in self._connection.events():
            if isinstance(event, Ping | Pong):
                items.append((PING if isinstance(event, Ping) else PONG, bytes(event.payload)))
            elif isinstance(event, CloseConnection):
                if self._is_open():
                    self.failed = int(event.code)
                    break
                reason = (event.reason or "").encode()
                code = b"" if event.code == 1005 else int(event.code).to_bytes(2, "big")
                items.append((CLOSE, code + reason))
            elif isinstance(event, TextMessage):
                self._add(TEXT, event.data.encode(), whole=event.message_finished, items=items)
            elif isinstance(event, BytesMessage):
                self._add(BINARY, bytes(event.data), whole=event.message_finished, items=items)
        return items

    def _add(self, opcode: int, part: bytes, *, whole: bool, items: list[Item]) -> None:
        self._message += part
        if whole:
            items.append((opcode, self._message))
            self._message = b""

    def _is_open(self) -> bool:
        return self._connection.state is ConnectionState.OPEN


RECEIVERS: Mapping[str, MakeReceiver] = MappingProxyType(
    {"websockets.protocol": WebsocketsReceiver, "wsproto.connection": WsprotoReceiver}
)
"""By name."""
