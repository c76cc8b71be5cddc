"""A provider on loopback that does what messages tell it, and remembers how sessions ended."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from threading import Thread

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

__all__ = ["REFUSAL", "Provider", "provider"]

REFUSAL = b'{"error": {"message": "too many sessions"}}'


class Provider:
    """Where it is, and what it saw."""

    def __init__(self) -> None:
        self.port = 0
        self.closes: queue.Queue[tuple[int | None, str | None]] = queue.Queue()
        """Code and reason of each session's end."""

    def _refuse(self, _connection: ServerConnection, request: Request) -> Response | None:
        if "refuse" not in request.path:
            return None
        fields = Headers({"Retry-After": "7", "Content-Length": str(len(REFUSAL))})
        status = HTTPStatus.TOO_MANY_REQUESTS
        return Response(status, status.phrase, fields, REFUSAL)

    def _talk(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                self._answer(connection, list(connection.recv_streaming()))
        self.closes.put((connection.close_code, connection.close_reason))

    def _answer(self, connection: ServerConnection, fragments: list[str | bytes]) -> None:
        message = fragments[0]
        if message == "what was asked?":
            assert connection.request is not None
            connection.send(f"{connection.request.path}\n{connection.request.headers}")
        elif isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            connection.close(int(code), reason)
        else:
            connection.send(fragments if len(fragments) > 1 else message)


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve until the block is left."""
    it = Provider()
    with serve(
        it._talk, "127.0.0.1", 0, process_request=it._refuse, max_size=None, compression=None
    ) as server:
        it.port = server.socket.getsockname()[1]
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()
