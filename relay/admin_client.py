"""What asks a relay's admin listener: for ``relay top`` and ``relay tail``.

It runs on asyncio: httpx leaves generators to the garbage collector, of which Trio warns.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from relay.printable import printable
from relay.protocol import Secret
from relay.tls import client_context

__all__ = ["AdminClient", "AdminError", "NotAllowedError", "UnreachableError"]

_TIMEOUT = httpx.Timeout(20.0, connect=5.0)  # seconds; the store alone may take 15
_STREAM_TIMEOUT = httpx.Timeout(20.0, connect=5.0, read=None)  # a session may be silent for long
_UNIX = "unix:"


class AdminError(Exception):
    """The relay does not do what it was asked for; the message is a sentence for a terminal.

    Attributes:
        status: The status code of its answer; None if there was none.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class UnreachableError(AdminError):
    """There is no relay, or it does not answer. It may be there again later."""


class NotAllowedError(AdminError):
    """The token is wrong, or the listener knows none. Asking again does not help."""


class AdminClient:
    """Asks one admin listener.

    Args:
        url: ``http://HOST:PORT``, ``https://HOST:PORT`` or ``unix:PATH``.
        token: The operator's. It is sent nowhere else: redirects are not followed, and the proxies
            of the environment not used.
        ca: A PEM file with trust roots besides the system's.
        transport: What carries requests, in place of a connection to ``url``.

    Raises:
        ValueError: That is no such URL, no token, or no such file; the message says which.
    """

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        ca: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        """Where the listener is."""
        path = self.url.removeprefix(_UNIX) if self.url.startswith(_UNIX) else None
        if path == "":
            raise ValueError("names no socket")
        context = _context(ca)
        self._client = httpx.AsyncClient(
            base_url=_base_url(self.url) if path is None else "http://localhost",
            headers={"Authorization": _bearer(token), "User-Agent": "relay"},
            transport=transport or httpx.AsyncHTTPTransport(verify=context, uds=path),
            timeout=_TIMEOUT,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """What is there.

        Args:
            path: Such as ``/api/sessions/live``.
            query: Its parameters.

        Raises:
            AdminError: It does not say.
        """
        with self._explained():
            answer = await self._client.get(path, params=query)
        return self._read(answer)

    async def is_draining(self) -> bool:
        """Whether it opens no more sessions.

        Raises:
            AdminError: It does not say.
        """
        with self._explained():
            answer = await self._client.get("/readyz")
        if answer.status_code not in {200, 503}:
            raise self._refusal(answer)
        return answer.status_code == 503

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have something done.

        Args:
            path: Such as ``/api/drain``.
            body: What is sent there, as JSON.

        Raises:
            AdminError: It does not do it.
        """
        with self._explained():
            answer = await self._client.post(path, json=body)
        return self._read(answer)

    @asynccontextmanager
    async def lines(
        self, path: str, query: Mapping[str, str | int] | None = None
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer as they come, for as long as it takes.

        Raises:
            AdminError: There are none, or they break off.
        """
        with self._explained():
            request = self._client.stream("GET", path, params=query, timeout=_STREAM_TIMEOUT)
            async with request as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise self._refusal(answer)
                yield answer.aiter_lines()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Let what goes wrong on the way be an error with a sentence."""
        try:
            yield
        except httpx.TimeoutException:
            raise UnreachableError(f"{self._shown} does not answer in time") from None
        except httpx.TransportError as error:
            raise UnreachableError(self._what_failed(error)) from None
        except httpx.HTTPError as error:
            raise AdminError(f"{self._shown}: {printable(str(error))}") from None

    def _what_failed(self, error: httpx.TransportError) -> str:
        causes = [*_causes(error)]
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = printable(cause.verify_message)
                return f"the certificate of {self._shown} is not trusted ({why}): see --ca"
            if isinstance(cause, ssl.SSLError):
                return f"{self._shown} does not speak TLS: is it http://...?"
        if not isinstance(error, httpx.ConnectError):
            return f"the connection to {self._shown} broke off"
        reasons = [_reason(each) for each in causes if isinstance(each, OSError) and each.errno]
        why = printable(reasons[-1] if reasons else str(error))
        return f"cannot connect to {self._shown}: {why}"

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise self._refusal(answer)
        found = _json(answer)
        if found is None:
            raise AdminError(f"{self._shown} is no admin listener of a relay", answer.status_code)
        return found

    def _refusal(self, answer: httpx.Response) -> AdminError:
        status = answer.status_code
        sentence = (_json(answer) or {}).get("error")
        if not isinstance(sentence, str):
            return AdminError(
                f"{self._shown} answers {status}: is that the admin listener of a relay?", status
            )
        sentence = f"{self._shown}: {printable(sentence)}"
        if status in {401, 403}:
            return NotAllowedError(sentence, status)
        if status == 429 and answer.headers.get("retry-after", "").isdecimal():
            sentence += f"; try again in {answer.headers['retry-after']} s"
        return AdminError(sentence, status)

    @property
    def _shown(self) -> str:
        return printable(self.url)


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return client_context(ca)
    except OSError as error:
        raise ValueError(f"{ca}: {error.strerror or 'holds no certificate'}") from None


def _bearer(token: Secret) -> str:
    value = token.reveal()
    if not value or not all(0x21 <= byte <= 0x7E for byte in value):
        raise ValueError("a token is one line of visible ASCII, without spaces")
    return f"Bearer {value.decode()}"


def _base_url(text: str) -> httpx.URL:
    wanted = "must be http://HOST:PORT, https://HOST:PORT or unix:PATH"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError(wanted) from None
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
        raise ValueError(wanted)
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ValueError(
            "is not loopback, so the token could be read on its way: use https, or a tunnel"
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: OSError) -> str:
    """What an error's number says; its text is that of whatever library made it."""
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return os.strerror(error.errno or 0)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, the first cause last."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__


def _json(answer: httpx.Response) -> dict[str, Any] | None:
    """The object in an answer; None if there is none."""
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
