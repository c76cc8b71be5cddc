"""What holds behind each proxy whose file is in deploy/, started with that very file."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.deploy.behind import CLIENT, Behind, behind
from tests.deploy.fronts import FRONTS
from tests.deploy.providers import REFUSAL
from tests.deploy.relays import LONGEST, TOKEN

_TOKEN_ENTRY = f"cf-aig-authorization.{TOKEN}"


@pytest.fixture(scope="module", params=FRONTS)
def it(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    """One of each, for all tests here."""
    with behind(FRONTS[request.param](tmp_path_factory.mktemp(request.param))) as running:
        yield running


def test_a_conversation(it: Behind) -> None:
    with it.open() as session:
        for message in ("hello", b"\x00\xff", "", "wörter"):
            session.send(message)
            assert session.recv(LONGEST) == message
        session.send(["in ", "three ", "fragments"])
        assert [*filter(None, session.recv_streaming())] == ["in ", "three ", "fragments"]
        assert session.ping().wait(LONGEST)
    close, record = it.ended(session)
    assert close == (1000, "")
    assert record["outcome"] == "completed"


def test_the_clients_address_is_in_the_record_whatever_the_client_says_of_it(it: Behind) -> None:
    invented = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.8"}
    with it.open(fields=invented) as session:
        pass
    _, record = it.ended(session)
    assert record["client_address"] == CLIENT


def test_a_close_of_the_client_reaches_the_provider(it: Behind) -> None:
    with it.open() as session:
        session.close(4001, "from the client")
    close, record = it.ended(session)
    assert close == (4001, "from the client")
    assert record["ended_by"] == "client"


def test_a_close_of_the_provider_reaches_the_client(it: Behind) -> None:
    with it.open() as session:
        session.send("close 3000 insufficient_quota")
        with pytest.raises(ConnectionClosed) as caught:
            session.recv(LONGEST)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (3000, "insufficient_quota")
    _, record = it.ended(session)
    assert record["ended_by"] == "provider"


def test_a_client_that_vanishes_is_gone_for_the_provider_too(it: Behind) -> None:
    with it.open() as session:
        session.socket.shutdown(socket.SHUT_RDWR)
    close, record = it.ended(session)
    assert close == (1001, "going away")
    assert record["cause"] == "vanished"


def test_a_refusal_of_the_relay_arrives_with_its_body(it: Behind) -> None:
    answer = it.refused(token="rly_wrong")
    assert answer.status_code == 401
    assert json.loads(answer.body)["error"][0]["code"] == 2009
    assert answer.headers["cf-aig-log-id"]
    assert answer.headers["proxy-status"].startswith("relay; error=")


def test_a_refusal_of_the_provider_arrives_with_its_body(it: Behind) -> None:
    answer = it.refused("openai?model=refuse")
    assert (answer.status_code, answer.body) == (429, REFUSAL)
    assert answer.headers["retry-after"] == "7"
    assert it.relay.record(answer.headers["cf-aig-log-id"])["status"] == 429


def test_a_token_among_the_subprotocols(it: Behind) -> None:
    entries = (_TOKEN_ENTRY, "realtime", "relay")
    with it.open("openai?model=m", *entries, token=None) as session:
        session.send("what was asked?")
        asked = session.recv(LONGEST)
    assert session.subprotocol == "realtime"
    assert isinstance(asked, str)
    assert re.search("(?mi)^sec-websocket-protocol: realtime\r?$", asked)
    assert TOKEN not in asked
    _, record = it.ended(session)
    assert record["token"] == "web"


def test_the_target_passes_as_it_was_written(it: Behind) -> None:
    query = "model=a%2Fb%7ec&empty=&two=1&two=2&plus=+&slashes=//&odd=%zz"
    with it.open(f"openai///v1/realtime?{query}") as session:
        session.send("what was asked?")
        asked = session.recv(LONGEST)
    it.ended(session)
    assert isinstance(asked, str)
    assert asked.partition("\n")[0] == f"/v1/realtime?{query}"


def test_a_message_of_a_mebibyte(it: Behind) -> None:
    message = bytes(range(256)) * 4096
    with it.open() as session:
        session.send(message)
        assert session.recv(LONGEST) == message
    _, record = it.ended(session)
    assert record["client"]["largest_message"] == len(message)


def test_a_head_as_large_as_the_relay_takes_it_and_a_larger_one(it: Behind) -> None:
    """The relay judges, and says so: no answer of the proxy's own."""
    with it.open(fields={"X-One": "a" * 7500, "X-Two": "b" * 7500}) as session:
        pass
    it.ended(session)
    for answer in (
        it.refused(fields={"X-One": "a" * 8000, "X-Two": "b" * 8000, "X-Three": "c" * 800}),
        it.refused(fields={"X-Long": "a" * 9000}),
        it.refused(f"openai?model={'m' * 9000}"),
    ):
        assert answer.status_code == 431
        assert json.loads(answer.body)["error"][0]["code"] == 2000


def test_only_http_1_1_is_agreed_on(it: Behind) -> None:
    with it.secured("h2", "http/1.1") as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_the_relays_health_is_seen(it: Behind) -> None:
    with it.secured("http/1.1") as connection, connection.makefile("rb") as answer:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answer.readline().split()[1] == b"200"
