"""Tests of relay.admin_client: what it asks, and the sentence for each way to fail."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from relay.admin_client import AdminClient, AdminError, NotAllowedError, UnreachableError
from relay.protocol import Secret
from tests.certificates import authority, server_context

URL = "http://127.0.0.1:9464"
TOKEN = Secret(b"rly_operator")
_Ask = Callable[[AdminClient], Awaitable[object]]
_Handle = Callable[[httpx.Request], httpx.Response]


async def _config(client: AdminClient) -> object:
    return await client.get("/api/config")


def _ask(handle: _Handle, ask: _Ask = _config, url: str = URL) -> object:
    """What comes of it, if the listener answers so."""

    async def main() -> object:
        async with AdminClient(url, TOKEN, transport=httpx.MockTransport(handle)) as client:
            return await ask(client)

    return asyncio.run(main())


def test_it_sends_the_token_the_query_and_the_body() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"id": "1"})

    async def ask(client: AdminClient) -> None:
        assert await client.get("/api/sessions", {"limit": 5, "q": "a b&c"}) == {"id": "1"}
        assert await client.post("/api/sessions/1/end", {"reason": "over"}) == {"id": "1"}

    _ask(handle, ask, f"{URL}/")
    assert [str(each.url) for each in seen] == [
        f"{URL}/api/sessions?limit=5&q=a+b%26c",
        f"{URL}/api/sessions/1/end",
    ]
    assert {each.headers["Authorization"] for each in seen} == {"Bearer rly_operator"}
    assert json.loads(seen[1].content) == {"reason": "over"}


@pytest.mark.parametrize(("status", "draining"), [(200, False), (503, True)])
def test_whether_it_drains(status: int, draining: bool) -> None:
    assert _ask(lambda _: httpx.Response(status), AdminClient.is_draining) is draining
    with pytest.raises(AdminError, match="answers 404"):
        _ask(lambda _: httpx.Response(404), AdminClient.is_draining)


def test_a_redirect_does_not_lead_it_elsewhere() -> None:
    hosts = []

    def handle(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(307, headers={"Location": "http://elsewhere.test/"})

    with pytest.raises(AdminError, match="answers 307: is that the admin listener"):
        _ask(handle)
    assert hosts == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (httpx.Response(401, json={"error": "a wrong token"}), NotAllowedError, "a wrong token"),
        (
            httpx.Response(403, json={"error": "[admin] has no token_sha256"}),
            NotAllowedError,
            "[admin] has no token_sha256",
        ),
        (
            httpx.Response(429, json={"error": "too many"}, headers={"Retry-After": "6"}),
            AdminError,
            "too many; try again in 6 s",
        ),
        (httpx.Response(404, json={"error": "none \x1b[2J"}), AdminError, "none \\x1b[2J"),
    ],
    ids=["wrong token", "no token known", "too many", "another"],
)
def test_the_relays_own_sentence(
    answer: httpx.Response, kind: type[AdminError], sentence: str
) -> None:
    with pytest.raises(AdminError) as caught:
        _ask(lambda _: answer)
    assert type(caught.value) is kind
    assert str(caught.value) == f"{URL}: {sentence}"
    assert caught.value.status == answer.status_code


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (200, b"[]"), (200, b"\xff"), (502, b"<html>"), (502, b'{"error": 1}')],
)
def test_what_is_no_admin_listener(status: int, body: bytes) -> None:
    with pytest.raises(AdminError, match=r"admin listener of a relay"):
        _ask(lambda _: httpx.Response(status, content=body))


def _raising(error: Exception) -> _Handle:
    def handle(_: httpx.Request) -> httpx.Response:
        raise error

    return handle


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (httpx.ConnectTimeout("x"), f"{URL} does not answer in time"),
        (httpx.ReadTimeout("x"), f"{URL} does not answer in time"),
        (httpx.ReadError("x"), f"the connection to {URL} broke off"),
        (httpx.RemoteProtocolError("x"), f"the connection to {URL} broke off"),
        (httpx.ConnectError("no\nway"), f"cannot connect to {URL}: no\\nway"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_relay_that_is_not_there(error: Exception, sentence: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        _ask(_raising(error))
    assert str(caught.value) == sentence
    assert caught.value.status is None


def test_a_name_that_nobody_knows() -> None:
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    with pytest.raises(UnreachableError, match=r": Name or service not known$"):
        _ask(_raising(error))


def test_a_compressed_answer_that_is_none() -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"no gzip"

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Broken())

    with pytest.raises(AdminError, match=f"^{URL}: "):
        _ask(handle)


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._error is not None:
            raise self._error


async def _lines(client: AdminClient, found: list[str]) -> None:
    async with client.lines("/api/sessions/1/tail", {"content": "true"}) as lines:
        async for line in lines:
            found.append(line)  # noqa: PERF401 - those before it breaks off, too


def test_lines_come_as_they_are_sent() -> None:
    found: list[str] = []
    pieces = _Pieces(b'{"a": 1}\n{"b"', b": 2}\n")
    _ask(lambda _: httpx.Response(200, stream=pieces), lambda client: _lines(client, found))
    assert found == ['{"a": 1}', '{"b": 2}']


def test_lines_that_break_off_or_are_refused() -> None:
    found: list[str] = []
    broken = _Pieces(b"1\n2", error=httpx.ReadError("x"))
    with pytest.raises(UnreachableError, match="broke off"):
        _ask(lambda _: httpx.Response(200, stream=broken), lambda client: _lines(client, found))
    assert found == ["1"]
    refusal = _Pieces(b'{"error": "not with content"}')
    with pytest.raises(NotAllowedError, match="not with content"):
        _ask(lambda _: httpx.Response(403, stream=refusal), lambda client: _lines(client, found))


def test_a_reader_of_lines_may_go_before_their_end() -> None:
    async def first(client: AdminClient) -> str:
        async with client.lines("/tail") as lines:
            return await anext(lines)

    assert _ask(lambda _: httpx.Response(200, stream=_Pieces(b"1\n", b"2\n")), first) == "1"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9464",
        "ftp://127.0.0.1",
        "http://",
        "http://u:p@localhost",
        "http://localhost:1?a",
        "http://[::1",
        "unix:",
    ],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be http://HOST:PORT|names no socket"):
        AdminClient(url, TOKEN)


@pytest.mark.parametrize("url", ["http://192.0.2.1:9464", "http://relay.test"])
def test_the_token_is_not_sent_where_it_could_be_overheard(url: str) -> None:
    with pytest.raises(ValueError, match="use https"):
        AdminClient(url, TOKEN)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://[::1]:1", "https://relay.test"])
def test_where_it_may_be_sent(url: str) -> None:
    assert AdminClient(url, TOKEN).url == url


@pytest.mark.parametrize("token", [b"", b"a b", b"a\r\nX: 1", "ü".encode()])
def test_what_is_no_token(token: bytes) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        AdminClient(URL, Secret(token))
    assert repr(token) not in str(caught.value)


def test_a_trust_root_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        AdminClient(URL, TOKEN, ca=tmp_path / "none.pem")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ValueError, match=r"empty\.pem: "):
        AdminClient(URL, TOKEN, ca=empty)


def test_it_shows_no_token() -> None:
    async def main() -> str:
        async with AdminClient(URL, TOKEN) as client:
            return f"{client!r} {vars(client)} {client._client.headers!r}"

    assert "rly_" not in asyncio.run(main())


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request with an empty object."""
    await reader.read(65536)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    await writer.drain()
    writer.close()


@asynccontextmanager
async def _listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A listener's port."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_over_tls_with_a_trust_root_and_not_without(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(str(ca))

    async def main() -> None:
        async with _listening(server_context("127.0.0.1")) as port:
            url = f"https://127.0.0.1:{port}"
            async with AdminClient(url, TOKEN, ca=ca) as client:
                assert await client.get("/") == {}
            async with AdminClient(url, TOKEN) as client:
                with pytest.raises(UnreachableError, match=r"is not trusted \(.+\): see --ca"):
                    await client.get("/")

    asyncio.run(main())


def test_tls_where_there_is_none_and_nobody_there() -> None:
    async def main() -> None:
        async with (
            _listening() as port,
            AdminClient(f"https://127.0.0.1:{port}", TOKEN) as client,
        ):
            with pytest.raises(UnreachableError, match="does not speak TLS"):
                await client.get("/")
        async with AdminClient(f"http://127.0.0.1:{port}", TOKEN) as client:
            with pytest.raises(UnreachableError, match=r"^cannot .*: Connection refused$"):
                await client.get("/")

    asyncio.run(main())


def test_on_a_unix_socket_and_no_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    path = str(tmp_path / "admin.sock")

    async def main() -> None:
        server = await asyncio.start_unix_server(_answer, path)
        async with server, AdminClient(f"unix:{path}", TOKEN) as client:
            assert await client.get("/") == {}
        async with AdminClient(f"unix:{path}.none", TOKEN) as client:
            with pytest.raises(UnreachableError, match=r"\.none: .*No such file"):
                await client.get("/")

    asyncio.run(main())
