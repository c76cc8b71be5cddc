"""The head of the answer to a request of ours, read over h11; interim answers are passed over."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

import h11

from relay.protocol.errors import LocalProtocolError, Refused
from relay.protocol.head import HeadReader, HeadTooLargeError, MalformedHeadError
from relay.protocol.limits import Limits

__all__ = ["AnswerReader"]

_MAX_INTERIM_ANSWERS = 8


class AnswerReader:
    """Reads heads until one is of the answer that was asked for.

    Args:
        connection: The request was sent on it.
        limits: The bounds on a head.
        whose: The answer's: "provider" or "proxy".
    """

    def __init__(self, connection: h11.Connection, limits: Limits, whose: str) -> None:
        self._connection = connection
        self._limits = limits
        self._whose = whose
        self._head = HeadReader(limits)
        self._interim_answers = 0
        self._is_whole = False

    @property
    def rest(self) -> bytes:
        """What followed the head that was returned."""
        return self._head.rest

    def receive_data(self, data: bytes) -> h11.Response | h11.InformationalResponse | None:
        """Take bytes of the peer; return the answer's head once it is whole.

        Args:
            data: The bytes read; ``b""`` once they have ended.

        Raises:
            Refused: 502 for anything that is no HTTP/1 answer.
            LocalProtocolError: The head was whole already.
        """
        if self._is_whole:
            raise LocalProtocolError("the answer was received already")
        if not data:
            raise self.bad_gateway("closed the connection without an answer")
        while True:
            try:
                head = self._head.receive_data(data)
            except (HeadTooLargeError, MalformedHeadError) as error:
                raise self.bad_gateway(f"sent no valid answer: {error}") from None
            if head is None:
                return None
            self._connection.receive_data(head)
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError:
                raise self.bad_gateway("sent no valid answer") from None
            if isinstance(event, h11.Response):
                self._is_whole = True
                return event
            interim = cast("h11.InformationalResponse", event)
            if interim.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                self._is_whole = True
                return interim  # h11 has seen to it that an upgrade was asked for
            self._interim_answers += 1
            if self._interim_answers > _MAX_INTERIM_ANSWERS:
                raise self.bad_gateway("sent too many interim answers")
            data, self._head = self._head.rest, HeadReader(self._limits)

    def bad_gateway(self, what: str) -> Refused:
        """What to refuse the client with, since the peer did that."""
        return Refused(502, 2100, f"the {self._whose} {what}", proxy_error="http_protocol_error")
