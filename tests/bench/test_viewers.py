"""The requests of the admin page and of `relay top`: an admin listener answers them."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from bench.peers.relay import ADMIN_TOKEN, RECORDED
from bench.processes import BenchError
from bench.stage import stage_of
from bench.viewers import PAGE, TOP, Ask, Look, Viewer, Viewers
from tests.bench.compiler import needs_load_generator


@pytest.mark.parametrize("viewer", [PAGE, TOP], ids=lambda viewer: viewer.name)
def test_the_relay_answers_all_that_is_asked(viewer: Viewer) -> None:
    needs_load_generator()
    with stage_of([RECORDED], tls=False) as ready:
        port = ready.peers[RECORDED.name].admin
        assert port is not None
        look = Look(viewer, port, ADMIN_TOKEN)
        answers = [look.ask(ask.path) for ask in viewer.asks]
        look.close()
        with pytest.raises(BenchError, match="answers 401 to /api/"):
            Look(viewer, port, "rly_other").ask(viewer.asks[0].path)
    assert b'"sessions": []' in answers[0]


class Listener(BaseHTTPRequestHandler):
    """Answers everything, and remembers what was asked."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[tuple[tuple[str, int], str]]] = []
    enough = threading.Event()

    def do_GET(self) -> None:
        self.asked.append((self.client_address, self.path))
        if len(self.asked) >= 12 or self.path == "/gone":
            self.enough.set()
        self.send_response(200 if self.path != "/gone" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Listener.asked.clear()
    Listener.enough.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_each_asks_over_its_own_connection_in_its_turn(port: int) -> None:
    viewer = Viewer("test", (Ask("/often", 0.01), Ask("/once", 1000)), cookie=False)
    viewers = Viewers(viewer, 3, port, "token")
    with viewers.looking():
        assert Listener.enough.wait(10)
    often = [address for address, path in Listener.asked if path == "/often"]
    assert len(set(often)) == 3
    assert all(often[at] == often[at % 3] for at in range(len(often)))
    assert [path for _, path in Listener.asked].count("/once") == 1  # the others' is due later
    assert viewers.asked == len(Listener.asked)


def test_what_is_not_there_is_an_error_at_the_end_of_the_block(port: int) -> None:
    viewers = Viewers(Viewer("test", (Ask("/gone", 0.01),), cookie=False), 1, port, "token")
    with ExitStack() as block:
        block.enter_context(viewers.looking())
        assert Listener.enough.wait(10)
        with pytest.raises(BenchError, match="answers 404 to /gone"):
            block.close()
    assert [path for _, path in Listener.asked] == ["/gone"]
