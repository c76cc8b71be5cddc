"""Listeners that are bound, those that cannot be, and what is left of a Unix socket."""

from __future__ import annotations

import errno
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from relay.server import serve
from relay.settings import Listener
from relay.testing.handshakes import head
from tests.loopback import HTTP, close_session, running
from tests.played_session import settings
from tests.sockets import open_descriptors
from tests.support import real_clock


@real_clock
async def test_a_name_with_several_addresses_is_listened_on_at_each() -> None:
    async with running(Listener("http", "localhost")) as it:
        for index in range(len(it.server.addresses)):
            assert await it.status(head("/healthz"), index) == 200


def bind_error(*listeners: Listener) -> OSError:
    """Why a relay on these listeners does not start."""

    @real_clock
    async def main() -> None:
        await serve(replace(settings(), listeners=listeners))

    with pytest.raises(OSError, match=r"\S") as caught:
        main()
    return caught.value


def test_a_port_that_is_taken_is_named_and_nothing_stays_bound(tmp_path: Path) -> None:
    unix = Listener("unix", str(tmp_path / "relay.sock"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = Listener("http", *taken.getsockname())
        before = open_descriptors()
        error = bind_error(HTTP, unix, wanted)
        assert open_descriptors() == before
    assert error.errno == errno.EADDRINUSE
    assert error.filename == str(wanted)
    assert not Path(unix.host).exists()


def test_a_host_that_is_not_ours_is_named() -> None:
    wanted = Listener("http", "192.0.2.1", 8080)  # RFC 5737: nobody's
    error = bind_error(HTTP, wanted)
    assert error.errno == errno.EADDRNOTAVAIL
    assert error.filename == "http://192.0.2.1:8080"


def test_a_stale_unix_socket_is_replaced_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))

    @real_clock
    async def main() -> None:
        async with running(Listener("unix", str(path))) as it:
            await close_session(await it.open())

    main()
    assert not path.exists()


def test_a_unix_socket_that_somebody_listens_on_is_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        live.listen()
        error = bind_error(Listener("unix", str(path)))
        assert error.errno == errno.EADDRINUSE
        assert error.filename == f"unix:{path}"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"
    path.write_text("precious")
    error = bind_error(Listener("unix", str(path)))
    assert error.errno == errno.EADDRINUSE
    assert path.read_text() == "precious"


def test_a_unix_socket_in_no_directory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "relay.sock"
    error = bind_error(Listener("unix", str(path)))
    assert error.errno == errno.ENOENT
    assert error.filename == f"unix:{path}"
