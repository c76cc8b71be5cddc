"""The message lane: the interface of a pipe, over a pair of wsproto connections.

For sessions whose messages are read or changed, and for those whose masking keys must not be
passed on. One wsproto connection decodes what the sender sent, the other encodes what the
receiver gets, so fragmentation and masking keys are not preserved; messages, their kind, control
frames and the Close are.

wsproto has no limits, refuses Close 1014, and reports its own parse failures as if the peer had
closed. So the verbatim lane stands in front of it: it checks limits and frames, and no Close frame
reaches wsproto's decoder. What is left to wsproto is reassembly, UTF-8, and encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wsproto.connection import Connection, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason

from relay.protocol.errors import RemoteProtocolError
from relay.protocol.limits import Limits
from relay.protocol.observer import Observer
from relay.protocol.pipe import Pipe, State

__all__ = ["MessagePipe", "Policy"]

_UNSEEN = 4096  # bytes: 680 empty frames, and most messages but audio

Policy = Callable[[str | bytes], Sequence[str | bytes]]
"""What becomes of a message: the messages to send in its place, in order. ``str`` is text. Raises
``RemoteProtocolError`` to end the session instead.

One message to send is ``[message]``. To a type checker a bare text is a ``Sequence[str]``, so it
says nothing of a policy that returns one; a :class:`MessagePipe` raises ``TypeError``."""


class MessagePipe(Pipe):
    """One direction of a session in the message lane.

    A whole message is held until its last frame is there, so memory is bounded by
    ``limits.max_message_size`` and not by 130 bytes. Text that is not UTF-8 fails the direction
    with 1007.

    Args:
        masked: True for inbound (client to provider), whose frames must be masked.
        limits: Bounds on messages.
        policies: Applied in order to each message of this direction.
        observer: Who looks at this direction from the side. It sees what the sender sent, before
            any policy: also a message that a policy changes, or ends the session for.
    """

    __slots__ = ("_close_header", "_decoder", "_encoder", "_message", "_policies")

    def __init__(
        self,
        *,
        masked: bool,
        limits: Limits,
        policies: Sequence[Policy] = (),
        observer: Observer | None = None,
    ) -> None:
        super().__init__(masked=masked, limits=limits, observer=observer)
        near, far = ConnectionType.SERVER, ConnectionType.CLIENT
        self._decoder = Connection(near if masked else far)
        self._encoder = Connection(far if masked else near)
        self._close_header = 6 if masked else 2
        self._message = bytearray()  # of the message under way, beyond its first event
        self._policies = policies

    @property
    def can_inject(self) -> bool:
        """Whether a frame of ours may follow: only whole frames are ever returned."""
        return not self._send_failed

    @property
    def rest_of_frame(self) -> int:
        """0, for the same reason."""
        return 0

    def most_at_once(self, room: int, *, finishing: bool = False) -> int:
        """As much as belongs to the frame under way, and little of what nobody has looked at yet.

        A frame costs twenty times what it costs in the verbatim lane.
        """
        most = super().most_at_once(room, finishing=finishing)
        return min(most, self._payload_left + _UNSEEN)

    def receive_data(self, data: bytes) -> bytes:
        """Take what was read from the sender; return whole frames for the other peer."""
        valid = super().receive_data(data)
        if not valid:
            return b""
        close = self.close
        if close is not None:
            valid = valid[: -(self._close_header + len(close.payload()))]
        self._decoder.receive_data(valid)
        out = []
        try:
            for event in self._decoder.events():
                if isinstance(event, TextMessage | BytesMessage):
                    out += self._receive_message_part(event)
                elif isinstance(event, Ping | Pong):
                    out.append(self._encoder.send(event))
                else:
                    # CloseConnection: not a Close frame, which never gets here, but how wsproto
                    # says "not UTF-8".
                    raise RemoteProtocolError("text is not UTF-8", close_code_hint=1007)  # noqa: TRY301
        except RemoteProtocolError as error:
            # This came before whatever Close or violation ended these bytes.
            self.state = State.FAILED
            self._expected = ()
            self.close = self.withheld_close = close = None
            self.error = error
        if close is not None:
            code = CloseReason.NO_STATUS_RCVD if close.code is None else close.code
            out.append(self._encoder.send(CloseConnection(code, close.reason)))
        return b"".join(out)

    def _receive_message_part(self, event: TextMessage | BytesMessage) -> list[bytes]:
        """Collect a message; once it is whole, apply the policies and encode the outcome."""
        message: str | bytes = event.data if isinstance(event, TextMessage) else bytes(event.data)
        if self._message or not event.message_finished:
            # Joined as it comes: a list would cost more than the bytes of a dripped message.
            self._message += message.encode() if isinstance(message, str) else message
            if not event.message_finished:
                return []
            whole, self._message = self._message, bytearray()
            message = whole.decode() if isinstance(message, str) else bytes(whole)
        messages: Sequence[str | bytes] = (message,)
        for policy in self._policies:
            messages = [changed for before in messages for changed in _apply(policy, before)]
        return [self._encode(each) for each in messages]

    def _encode(self, message: str | bytes) -> bytes:
        if isinstance(message, str):
            return self._encoder.send(TextMessage(message))
        return self._encoder.send(BytesMessage(message))


def _apply(policy: Policy, message: str | bytes) -> Sequence[str | bytes]:
    """What a policy makes of a message.

    Raises:
        TypeError: It returned one message and no sequence, or something that is no message.
    """
    messages = policy(message)
    if isinstance(messages, str | bytes):  # it would be sent character by character
        raise TypeError("a policy returned a message, and no sequence of messages")
    messages = tuple(messages)
    if not all(isinstance(each, str | bytes) for each in messages):
        raise TypeError("a policy returned something else than messages")
    return messages
