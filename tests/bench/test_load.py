"""The load generator against its own echo, and each of its two ends against another library."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.http11 import Request, Response
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from bench.cores import load_core
from bench.load import Load, compiled, started
from bench.peers import Running
from bench.processes import BenchError
from bench.stage import stage
from tests.bench.compiler import needs_load_generator


@pytest.fixture(autouse=True)
def _compiled() -> None:
    needs_load_generator()


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def ready(request: pytest.FixtureRequest) -> Iterator[tuple[Load, Running]]:
    """The load generator with its echo as the peer."""
    with stage(["loopback"], tls=request.param) as found:
        yield found.load, found.peers["loopback"]


@contextmanager
def provider(
    handler: Callable[[ServerConnection], None],
    judge: Callable[[ServerConnection, Request], Response] | None = None,
) -> Iterator[int]:
    """Another library's server; its port. `judge` answers opening handshakes in its place."""
    with serve(handler, "127.0.0.1", 0, compression=None, process_request=judge) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("connections", "size"), [(1, 0), (3, 125), (3, 126), (2, 65536)])
def test_a_closed_loop_measures_each_round_trip(
    ready: tuple[Load, Running], connections: int, size: int
) -> None:
    load, peer = ready
    result = load.rounds(peer, connections, size, 0.1)
    latency = result.latency
    assert result.round_trips >= connections
    assert 0 < result.cpu <= result.seconds * 1.01
    assert 0 < latency.p50 <= latency.p90 <= latency.p99 <= latency.p999 <= latency.max
    assert latency.max <= result.seconds * 1e6


def test_it_has_its_core(ready: tuple[Load, Running]) -> None:
    load, _ = ready
    assert os.sched_getaffinity(load._process.pid) == {load_core()}


def test_an_open_loop_sends_all_that_is_due(ready: tuple[Load, Running]) -> None:
    load, peer = ready
    result = load.paced(peer, 20, 1024, 50, 0.1)
    assert (result.messages, result.lost, result.ended) == (100, 0, 0)
    assert result.latency is not None
    assert result.latency.max >= result.lateness.p50 > 0


def test_an_open_loop_runs_again_on_the_same_sessions(ready: tuple[Load, Running]) -> None:
    load, peer = ready
    with load.pacing(peer, 20, 1024, 50, 0.1) as run:
        results = [run(), run(), run()]
    assert [(each.messages, each.lost, each.ended) for each in results] == [(100, 0, 0)] * 3
    for each in results:
        assert each.latency is not None
        assert 0 < each.latency.max < 5_000_000  # from when it was due in this run


def test_a_run_that_lost_messages_is_not_followed_by_another() -> None:
    """What comes late would be taken for the answer to another message."""

    def answer_one(session: ServerConnection) -> None:
        session.send(session.recv())  # before the clock starts
        session.recv()

    with started(None) as load, provider(answer_one) as port:
        with load.pacing(Running(port, "/", None), 1, 64, 10, 0.1) as run:
            assert run().lost == 1
            with pytest.raises(BenchError, match="paced: the run before has lost messages"):
                run()
        with pytest.raises(BenchError, match="paced: opened 0 of 1"):
            load.paced(Running(1, "/", None), 1, 64, 10, 0.1)  # it listens to commands again


def test_sessions_are_opened_at_a_rate_or_some_at_once(ready: tuple[Load, Running]) -> None:
    load, peer = ready
    paced = load.open(peer, 200, 0.1)
    churned = load.churn(peer, 50, 8)
    assert (paced.due, paced.opened, paced.closed, paced.left, paced.failed) == (20, 20, 20, 0, 0)
    assert (churned.due, churned.opened, churned.failed) == (50, 50, 0)


def test_idle_and_stalled_sessions_do_not_disturb_others(ready: tuple[Load, Running]) -> None:
    load, peer = ready
    load.hold(peer, 20)
    load.stall(peer, 1, 16384)
    assert load.rounds(peer, 2, 256, 0.1).round_trips > 0
    load.drop()
    assert load.rounds(peer, 2, 256, 0.1).round_trips > 0


def test_latency_counts_from_when_a_message_was_due() -> None:
    """A provider that stops is charged for every message that was due meanwhile."""
    count, rate = 10, 100

    def answer_after_the_last(session: ServerConnection) -> None:
        session.send(session.recv())
        messages = [session.recv() for _ in range(count)]
        for message in messages:
            session.send(message)
        session.recv()

    with started(None) as load, provider(answer_after_the_last) as port:
        result = load.paced(Running(port, "/", None), 1, 64, rate, count / rate)
    assert result.lost == 0
    assert result.latency is not None
    # The k-th is answered after the last has left: the waits are at least 0, 10, ... 90 ms.
    assert result.latency.p50 >= 40_000
    assert result.latency.p90 >= 80_000
    assert result.latency.max >= 90_000


def test_messages_that_are_not_answered_are_lost() -> None:
    def answer_two(session: ServerConnection) -> None:
        session.send(session.recv())  # before the clock starts
        session.send(session.recv())

    with started(None) as load, provider(answer_two) as port:
        result = load.paced(Running(port, "/", None), 1, 64, 1000, 0.01)
    assert (result.messages, result.lost, result.ended) == (10, 9, 1)


def test_a_run_starts_when_each_session_has_had_an_answer() -> None:
    def never_answer(session: ServerConnection) -> None:
        session.recv()
        session.close()

    with started(None) as load, provider(never_answer) as port:
        peer = Running(port, "/", None)
        with pytest.raises(BenchError, match="rounds: 1 of 1 sessions had no answer to their fir"):
            load.rounds(peer, 1, 64, 0.1)
        with pytest.raises(BenchError, match="paced: 1 of 1 sessions had no answer to their first"):
            load.paced(peer, 1, 64, 100, 0.1)


def test_the_client_can_speak_json_and_send_field_lines() -> None:
    seen: list[object] = []

    def echo(session: ServerConnection) -> None:
        assert session.request is not None
        seen.append((session.request.path, session.request.headers["X-Team"]))
        for message in session:
            seen.append(message)
            session.send(message)

    with started(None) as load, provider(echo) as port:
        load.rounds(Running(port, "/path?q", None, ["X-Team: voice"], json=True), 1, 40, 0)
    assert seen[0] == ("/path?q", "voice")
    assert seen[1] == '{"type":"bench","pad":"xxxxxxxxxxxxxxx"}'


def test_the_echo_answers_another_client() -> None:
    with (
        started(None) as load,
        connect(f"ws://127.0.0.1:{load.port}/", compression=None, proxy=None) as session,
    ):
        session.send(b"four")
        assert session.recv() == b"xxxx"
        session.send("a text of another size")
        answer = session.recv()
        assert isinstance(answer, str)
        assert len(answer) == 22
        assert session.ping("are you there").wait(10)
        session.close()
        assert session.close_code == 1000


def test_a_refused_session_is_an_error_that_says_so() -> None:
    def never(session: ServerConnection) -> None:
        session.close()

    def refuse(session: ServerConnection, request: Request) -> Response:  # noqa: ARG001
        return session.respond(HTTPStatus.FORBIDDEN, "no")

    with started(None) as load, provider(never, refuse) as port:
        peer = Running(port, "/", None)
        with pytest.raises(BenchError, match=r"rounds: .*refused: HTTP/1.1 403"):
            load.rounds(peer, 1, 1, 0.1)
        result = load.churn(peer, 3, 1)
    assert (result.opened, result.failed) == (0, 3)


def test_without_a_compiler_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(BenchError, match="no compiler 'no-such-compiler'"):
        compiled()


def test_without_the_headers_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 'openssl/ssl.h: No such file' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(BenchError, match="needs OpenSSL's headers"):
        compiled()
