"""What a client of each proxy sees when the relay stops, and what the proxy's logs show then."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from relay.protocol import Close, control_frame
from tests.deploy.behind import Behind, behind
from tests.deploy.fronts import FRONTS, Caddy, Front, HaProxy
from tests.deploy.relays import LONGEST, TOKEN

ENTRY = f"cf-aig-authorization.{TOKEN}"


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Front:
    """Each of them."""
    return FRONTS[request.param](tmp_path)


class _Unwilling:
    """A session of a client that answers no Close until it is told to."""

    def __init__(self, it: Behind) -> None:
        self._connection = it.secured("http/1.1")
        self._reader = self._connection.makefile("rb")
        self._connection.sendall(
            b"GET /v1/acct/main/openai?model=m HTTP/1.1\r\nHost: localhost\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %b\r\n\r\n"
            % TOKEN.encode()
        )
        assert self._reader.readline().startswith(b"HTTP/1.1 101 ")
        while self._reader.readline() != b"\r\n":
            pass

    def goes(self) -> None:
        """It has been told 1001, and answers; then the connection ends."""
        told = control_frame(0x8, Close(1001, "going away").payload(), None)
        with self._connection, self._reader:
            assert self._reader.read(len(told)) == told
            self._connection.sendall(control_frame(0x8, Close(1001).payload(), b"mask"))
            assert self._reader.read() == b""


def test_a_drain_and_what_comes_after_it(front: Front) -> None:
    """Open sessions are told, new ones are refused by the relay, and then by the proxy."""
    with behind(front) as it:
        unwilling = _Unwilling(it)
        with it.open() as session:
            it.relay.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as caught:
                session.recv(LONGEST)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1001, "going away")
        answer = it.refused()
        assert answer.status_code == 503
        assert json.loads(answer.body)["error"][0]["code"] == 2102
        assert answer.headers["retry-after"]
        unwilling.goes()
        assert it.relay.process.wait(LONGEST) == 0
        assert it.refused().status_code in {502, 503}


def test_no_log_has_a_token(front: Front) -> None:
    """Wherever it stands; also where the proxy has something to complain about."""
    with behind(front) as it:
        with it.open("openai?model=m", ENTRY, token=None) as browser:
            pass
        it.ended(browser)
        with it.open(f"google?key={TOKEN}", token=None) as sdk:
            pass
        it.ended(sdk)
        assert it.refused(f"google?key={TOKEN}x", token=None).status_code == 401
        it.relay.kill()
        answer = it.refused(
            f"google?key={TOKEN}", token=None, fields={"Sec-WebSocket-Protocol": ENTRY}
        )
        assert answer.status_code in {502, 503}
        if isinstance(front, HaProxy):  # it answers before it logs
            while " 503 " not in front.line():
                pass
    logs = front.logs()
    assert logs.count("/v1/acct/main/google") >= 3
    assert TOKEN not in logs


def test_haproxy_asks_the_relay_whether_it_is_ready(tmp_path: Path) -> None:
    """By the PROXY protocol, too; and hears of a drain, while the open session goes on."""
    front = HaProxy(tmp_path)
    front.checks_every = "50ms"
    with behind(front) as it:
        unwilling = _Unwilling(it)
        it.relay.process.send_signal(signal.SIGTERM)
        line = ""
        while "is DOWN" not in line:
            line = front.line()
        assert "code: 503" in line
        unwilling.goes()


def test_a_reload_of_caddy_leaves_sessions_alone(tmp_path: Path) -> None:
    """Without stream_close_delay it ends them."""
    front = Caddy(tmp_path)
    with behind(front) as it, it.open() as session:
        subprocess.run([*front.reload, "--force"], check=True, capture_output=True)
        for message in ("still", "here"):
            session.send(message)
            assert session.recv(LONGEST) == message
        with it.open() as another:
            another.send("and another")
            assert another.recv(LONGEST) == "and another"
