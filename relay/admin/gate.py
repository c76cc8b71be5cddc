"""What every request to the admin listener has to pass, and what every answer says.

It stands around the application, so that nothing in there can be forgotten: whoever adds a path
has these checks, bounds and fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import structlog
import trio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relay.admin.control import Control
from relay.admin.hosts import is_own_host, is_same_origin
from relay.log import log_fault

__all__ = ["FAULT", "FIELDS", "Gate"]

FAULT = "a fault of the relay's own: its log says where"

_MAX_BODY = 64 * 1024
_BODY_TIMEOUT = 10.0  # seconds
_READING = frozenset({"GET", "HEAD"})
FIELDS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer says; the page's files may be kept, and say so."""

_log = structlog.get_logger()


class _RefusedError(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        self.sentence = sentence
        super().__init__(sentence)


class Gate:
    """Lets a request pass to the application, or answers it.

    Args:
        app: The application. It gets the whole body at once.
        control: The relay.
    """

    def __init__(self, app: ASGIApp, control: Control) -> None:
        self._app = app
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                fields = MutableHeaders(scope=message)
                for name, value in FIELDS.items():
                    fields.setdefault(name, value)
            await send(message)

        try:
            self._check(scope)
            body = await _read_body(Headers(scope=scope), receive)
        except _RefusedError as refused:
            await _refuse(refused, receive, answer)
            return
        try:
            await self._app(scope, _replay(body, receive), answer)
        except Exception as error:  # noqa: BLE001 - the fence of a request
            log_fault(_log.bind(doing="serving the operator"), error)
            if not begun:
                await _answer(500, FAULT, answer)

    def _check(self, scope: Scope) -> None:
        """Look at everything but the body and the token.

        Raises:
            _RefusedError: It does not pass.
        """
        admin = self._control.settings.admin
        names = frozenset[str]() if admin is None else admin.hosts
        fields = Headers(scope=scope)
        bound = scope["server"][0] if scope.get("server") else None
        hosts = fields.getlist("host")
        if len(hosts) != 1 or not is_own_host(hosts[0], bound, names):
            raise _RefusedError(421, "Host is not of this listener: see hosts in [admin]")
        if scope["method"] in _READING:
            return
        for name in ("origin", "sec-fetch-site"):
            if len(fields.getlist(name)) > 1:
                raise _RefusedError(400, f"{name} stands there twice")
        site = fields.get("sec-fetch-site")
        if is_same_origin(fields.get("origin"), site, hosts[0], names) is False:
            raise _RefusedError(403, "a page of another origin cannot change anything")


async def _read_body(fields: Mapping[str, str], receive: Receive) -> bytes:
    """The whole body.

    Raises:
        _RefusedError: It is too large, or too slow.
    """
    size = fields.get("content-length", "")
    if size.isdecimal() and int(size[:20]) > _MAX_BODY:
        raise _RefusedError(413, f"the body is larger than {_MAX_BODY} bytes")
    body = bytearray()
    with trio.move_on_after(_BODY_TIMEOUT):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)  # the client is gone
            body += message.get("body", b"")
            if len(body) > _MAX_BODY:
                raise _RefusedError(413, f"the body is larger than {_MAX_BODY} bytes")
            if not message.get("more_body", False):
                return bytes(body)
    raise _RefusedError(408, "the body did not come in time")


def _replay(body: bytes, receive: Receive) -> Receive:
    """What gives the body as one message, and then what else comes."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return unread.pop() if unread else await receive()

    return next_message


async def _refuse(refused: _RefusedError, receive: Receive, send: Send) -> None:
    """Answer, and meanwhile take what the client sends: Hypercorn would wait for that."""

    async def discard() -> None:
        while (await receive())["type"] == "http.request":
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(discard)
        await _answer(refused.status, refused.sentence, send)
        nursery.cancel_scope.cancel()


async def _answer(status: int, sentence: str, send: Send) -> None:
    body = json.dumps({"error": sentence}).encode()
    fields = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
