"""The table of refusals: what is decided before anything is dialled, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from relay.protocol import Refused
from relay.testing.handshakes import head
from tests.protocol.handshakes import OTHER_TOKEN, TOKEN, a_gateway, a_token, admit

GATEWAY = a_gateway(
    origins=frozenset({"https://app.example.com"}),
    providers=frozenset({"openai", "cartesia"}),
    client_credentials_allowed=False,
    tokens=(a_token(models=("gpt-*",), providers=frozenset({"openai", "cartesia"})),),
    stored_keys={("openai", "default"): "sk-stored"},
)


@dataclass
class Asked:
    """A request that would be admitted, to be spoiled."""

    method: str = "GET"
    version: str = "1.1"
    host: str = "relay.test"
    prefix: str = "/v1"
    gateway: str = "acct/main"
    native: str = "openai/realtime"
    model: str = "gpt-realtime"
    lines: dict[str, str] = field(
        default_factory=lambda: {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "cf-aig-authorization": TOKEN,
            "Origin": "https://app.example.com",
            "Sec-WebSocket-Protocol": "realtime",
        }
    )
    more_lines: list[str] = field(default_factory=list)

    def data(self) -> bytes:
        target = f"{self.prefix}/{self.gateway}/{self.native}?model={self.model}"
        lines = [f"{name}: {value}" for name, value in self.lines.items()]
        return head(
            target,
            *lines,
            *self.more_lines,
            method=self.method,
            version=self.version,
            host=self.host,
        )


Fault = Callable[[Asked], object]


def attribute(name: str, value: str) -> Fault:
    return lambda asked: setattr(asked, name, value)


def line(name: str, value: str) -> Fault:
    return lambda asked: asked.lines.update({name: value})


def more(*lines: str) -> Fault:
    return lambda asked: asked.more_lines.extend(lines)


def without(name: str) -> Fault:
    return lambda asked: asked.lines.pop(name, None)


# In the order of the table. A key counts only in what is an upgrade otherwise, and which
# credentials contradict each other only the path of a gateway can say.
ROWS: list[tuple[int, int, list[Fault]]] = [
    (
        431,
        2000,
        [more("X: " + "x" * 9000), more(*["X: 1"] * 99)],
    ),
    (
        400,
        2000,
        [
            more("no colon"),
            more("Content-Length: 5"),
            more("Transfer-Encoding: chunked"),
            more("Host: relay.test"),
            more("Origin: https://app.example.com"),
            more("Sec-WebSocket-Protocol: no token"),
            more("Sec-WebSocket-Protocol: realtime"),
            attribute("host", "a b"),
            attribute("version", "1.0"),
            attribute("prefix", "http://evil.example/v1"),
        ],
    ),
    (404, 2000, [attribute("prefix", "/v2"), attribute("gateway", "acct/ma.in")]),
    (
        400,
        2000,
        [
            more("cf-aig-authorization: a", "cf-aig-authorization: b"),
            more("Sec-WebSocket-Protocol: cf-aig-authorization.a, cf-aig-authorization.b"),
        ],
    ),
    (405, 2000, [attribute("method", "POST"), attribute("method", "HEAD")]),
    (
        426,
        2000,
        [
            without("Upgrade"),
            line("Connection", "close"),
            without("Sec-WebSocket-Version"),
            line("Sec-WebSocket-Version", "8"),
        ],
    ),
    (400, 2000, [without("Sec-WebSocket-Key"), line("Sec-WebSocket-Key", "short")]),
    (404, 2001, [attribute("gateway", "other/main")]),
    (403, 2010, [line("Origin", "null")]),
    (401, 2009, [without("cf-aig-authorization"), line("cf-aig-authorization", OTHER_TOKEN)]),
    (400, 2008, [attribute("native", "unknown"), attribute("native", "openai/chat")]),
    (
        403,
        2010,
        [
            attribute("native", "google"),
            attribute("model", "other"),
            more("Authorization: Bearer K"),
        ],
    ),
    (400, 2040, [line("cf-aig-byok-alias", "unknown")]),
    (401, 2041, [attribute("native", "cartesia/stt/websocket")]),
]
CASES = [(row, number) for row, (_, _, faults) in enumerate(ROWS) for number in range(len(faults))]


def outcome(asked: Asked) -> tuple[int, int]:
    try:
        admit(asked.data(), GATEWAY)
    except Refused as refused:
        return refused.status, refused.code
    return 101, 0


def test_without_a_fault_the_session_is_admitted() -> None:
    assert outcome(Asked()) == (101, 0)


@pytest.mark.parametrize(("row", "number"), CASES)
def test_each_fault_has_its_refusal(row: int, number: int) -> None:
    status, code, faults = ROWS[row]
    asked = Asked()
    faults[number](asked)
    assert outcome(asked) == (status, code)


@pytest.mark.parametrize(("row", "number"), CASES)
def test_of_several_faults_the_earliest_is_told(row: int, number: int) -> None:
    status, code, faults = ROWS[row]
    for _, _, later_faults in ROWS[row + 1 :]:
        for later in later_faults:
            asked = Asked()
            later(asked)
            faults[number](asked)  # last, so that it stands where both write
            assert outcome(asked) == (status, code)


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_of_all_faults_the_earliest_is_told(row: int) -> None:
    asked = Asked()
    for _, _, faults in reversed(ROWS[row:]):
        faults[0](asked)
    assert outcome(asked) == ROWS[row][:2]
