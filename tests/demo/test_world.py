"""The demo's world: what listens, who is let in, and what is left of it."""

from __future__ import annotations

import contextlib
import socket
import stat
from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
import trio

from relay.client import ClientConnection, Rejected, open_websocket, read_rejection, split_url
from relay.demo.world import World, serve_world
from relay.doubles import DOUBLES
from relay.tls import client_context
from tests.demo.support import resource, run_in_world
from tests.support import real_clock


@contextlib.asynccontextmanager
async def _open(url: str, world: World, token: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket that the token opened."""
    where = split_url(url)
    async with await trio.open_tcp_stream(where.host, where.port) as transport:
        stream: trio.abc.Stream = transport
        if where.tls:
            stream = trio.SSLStream(
                transport,
                client_context(world.ca),
                server_hostname=where.host,
                https_compatible=True,
            )
        yield await open_websocket(
            stream, where.authority, where.target, fields=[("cf-aig-authorization", token)]
        )


def test_every_double_is_reached_with_the_token_alone_with_and_without_tls() -> None:
    async def test(world: World) -> None:
        for gateway in (world.secure_url, world.plain_url):
            for provider in DOUBLES:
                async with _open(
                    f"{gateway}/{resource(provider)}", world, world.token
                ) as connection:
                    assert (await connection.close()).code == 1000

    run_in_world(test)


def test_nobody_is_let_in_without_the_token() -> None:
    async def test(world: World) -> None:
        for token in ("", f"{world.token[:-4]}AAAA"):
            url = f"{world.plain_url}/google?key={world.keys['google']}"
            with pytest.raises(Rejected) as rejected:
                async with _open(url, world, token):
                    pass
            assert rejected.value.status == 401
            assert read_rejection(rejected.value).source == "the relay"

    run_in_world(test)


def test_every_world_has_credentials_of_its_own_and_shows_none() -> None:
    worlds = []

    async def test(world: World) -> None:
        await trio.lowlevel.checkpoint()
        worlds.append(world)

    run_in_world(test)
    run_in_world(test)
    secrets = [secret for world in worlds for secret in (world.token, *world.keys.values())]
    assert len(set(secrets)) == len(secrets) == 2 + 2 * len(DOUBLES)
    for world in worlds:
        assert not any(secret in repr(world) for secret in secrets)


def test_the_trust_root_lasts_as_long_as_the_world_and_nobody_else_sees_its_folder() -> None:
    folders = []

    async def test(world: World) -> None:
        folder = world.ca.parent
        folders.append(folder)
        assert await trio.Path(world.ca).is_file()
        assert stat.S_IMODE((await trio.Path(folder).stat()).st_mode) == 0o700

    run_in_world(test)
    (folder,) = folders
    assert not folder.exists()


def test_the_page_of_the_plain_listener_answers() -> None:
    async def test(world: World) -> None:
        where = split_url(world.page_url)
        async with await trio.open_tcp_stream(where.host, where.port) as stream:
            request = f"GET {where.target} HTTP/1.1\r\nHost: {where.authority}\r\n\r\n"
            await stream.send_all(request.encode())
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")

    run_in_world(test)


@real_clock
async def test_a_port_that_is_taken_is_replaced_by_a_free_one_and_the_other_is_kept() -> None:
    with socket.socket() as taken, socket.socket() as free:
        for each in (taken, free):
            each.bind(("127.0.0.1", 0))
        taken.listen()
        http_port, https_port = free.getsockname()[1], taken.getsockname()[1]
        free.close()
        async with trio.open_nursery() as nursery:
            serve = partial(serve_world, http_port=http_port, https_port=https_port)
            world: World = await nursery.start(serve)
            assert world.http_port == http_port
            assert world.https_port not in {http_port, https_port}
            for gateway in (world.plain_url, world.secure_url):
                async with _open(f"{gateway}/google", world, world.token) as connection:
                    assert (await connection.close()).code == 1000
            nursery.cancel_scope.cancel()


def test_the_operator_has_a_listener_a_token_and_a_store_while_the_world_lasts() -> None:
    worlds = []

    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            async with trio.open_nursery() as nursery:
                serve = partial(serve_world, http_port=0, https_port=0, admin_port=port)
                world: World = await nursery.start(serve)
                worlds.append(world)
                assert not world.admin_url.endswith(f":{port}")  # which is taken
                async with _open(f"{world.plain_url}/google", world, world.token) as connection:
                    await connection.close()
                bearer = {"Authorization": f"Bearer {world.admin_token}"}
                async with httpx.AsyncClient(base_url=world.admin_url) as client:
                    assert (await client.get("/api/sessions")).status_code == 401
                    found: list[dict[str, str]] = []
                    while not found:
                        await trio.sleep(0.01)  # until its record is written
                        found = (await client.get("/api/totals", headers=bearer)).json()["days"]
                    assert found[0]["provider"] == "google"
                nursery.cancel_scope.cancel()

    trio.run(main)
    (world,) = worlds
    assert world.admin_token not in {"", world.token}
    assert world.admin_token not in repr(world)
    assert not world.ca.parent.exists()


def test_without_an_operator_there_is_no_such_listener() -> None:
    async def test(world: World) -> None:
        await trio.lowlevel.checkpoint()
        assert (world.admin_url, world.admin_token) == ("", "")

    run_in_world(test)


def test_no_port_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def open_tcp_listeners(*_args: object, **_options: object) -> None:
        await trio.lowlevel.checkpoint()
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(trio, "open_tcp_listeners", open_tcp_listeners)
    with pytest.raises(ExceptionGroup) as group:
        trio.run(partial(serve_world, http_port=8080, https_port=8443))
    assert group.value.subgroup(OSError) is not None
