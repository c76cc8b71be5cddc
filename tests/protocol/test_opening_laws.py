"""Laws of both opening handshakes: (7) any bytes are answered, (8) no secret gets about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from hypothesis import event, example, given
from hypothesis import strategies as st

from relay.protocol import (
    CATALOGUE,
    ClientHandshake,
    Kind,
    Opening,
    PermessageDeflate,
    ProviderRefused,
    Refused,
    Request,
    UpstreamAnswer,
    UpstreamHandshake,
    examine,
    redact,
    refusal,
    upstream_request,
)
from relay.testing.frames import cut
from relay.testing.handshakes import KEY, NONCE, head, parse_answer, switch, upgrade
from relay.testing.strategies import (
    any_answers,
    any_requests,
    broken_offers,
    broken_targets,
    chunkings,
    relay_targets,
    valid_answers,
    valid_requests,
)
from tests.protocol.handshakes import (
    CONFIGURED,
    LIMITS,
    OTHER_TOKEN,
    PROVIDERS,
    TOKEN,
    a_gateway,
    admission_of,
    dialled,
)

# --- (7) the client's side ------------------------------------------------------------------------

TARGETS = (
    "/v1/acct/main/openai?model=m",
    "/v1/acct/main/google?api_key=K",
    "/v1/acct/main/elevenlabs/v1/text-to-speech/v/stream-input",
    "/v1/acct/main/unknown/x",
    "/healthz",
    "http://relay.test/v1/acct/main/cartesia",
)
VALID_REQUESTS = valid_requests(
    st.sampled_from(TARGETS) | relay_targets() | broken_targets.map("/v1/acct/main{}".format),
    f"cf-aig-authorization: {TOKEN}",
    f"Sec-WebSocket-Protocol: realtime, cf-aig-authorization.{TOKEN}",
    "Authorization: Bearer K",
)
HOSTILE_LINES = (
    b"cf-aig-authorization: \xff",
    b"cf-aig-byok-alias: \xff",
    b"xi-api-key: %zz",
)
ANY_REQUEST = any_requests(VALID_REQUESTS, *HOSTILE_LINES) | VALID_REQUESTS.flatmap(
    lambda data: broken_offers.map(lambda line: data[:-2] + line.encode("latin-1") + b"\r\n\r\n")
)


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def receive(client: ClientHandshake, pieces: list[bytes]) -> tuple[Request | None, bytes]:
    """The request, if it came, and all that followed it."""
    for number, piece in enumerate(pieces, start=1):
        request = client.receive_data(piece)
        if request is not None:
            return request, client.early_data + b"".join(pieces[number:])
    return None, b""


def check_refusal(client: ClientHandshake, refused: Refused) -> bytes:
    """A refusal is HTTP that another parser reads, with a status that says so."""
    assert 400 <= refused.status <= 599
    sent = client.refuse(refused, "id")
    # A body of ours never ends so: there is none, because the client asked with HEAD.
    to_head = sent.endswith(b"\r\n\r\n") and not isinstance(refused, ProviderRefused)
    answer = parse_answer(sent, "HEAD" if to_head else "GET")
    assert answer.status == refused.status
    assert answer.values("Connection") == ["close"]
    return sent


def client_outcome(pieces: list[bytes]) -> tuple[object, ...]:
    client = ClientHandshake(LIMITS)
    try:
        request, rest = receive(client, pieces)
        if request is None:
            check_refusal(client, Refused(408, 2000, "too slow"))
            return "incomplete", client.started
        opening = examine(request, PROVIDERS)
        gateway = a_gateway(authentication_required=False, compression=True)
        admission = admission_of(opening, gateway, PROVIDERS)
        upstream = upstream_request(admission, opening.fields, opening.credentials)
        sent = UpstreamHandshake(upstream, NONCE, LIMITS).request_data()
    except Refused as refused:
        return check_refusal(client, refused), refused.status, refused.code
    assert sent.count(b"\r\n\r\n") == 1
    assert sent.lower().count(b"\r\nhost:") == 1
    accepted = client.accept(opening, UpstreamAnswer(None, ()), "id")
    assert accepted.startswith(b"HTTP/1.1 101 ")
    return sent, rest


@given(data=ANY_REQUEST, sizes=chunkings)
@example(data=b"\r\n\r\n" + upgrade(TARGETS[0]), sizes=[2])
@example(data=upgrade(TARGETS[0], "X: " + "x" * 8190), sizes=[8300])
@example(data=head(TARGETS[0], method="HEAD"), sizes=[9000])
@example(data=head(TARGETS[0], "Content-Length: 3", method="HEAD") + b"abc", sizes=[9000])
@example(data=head(TARGETS[0], "malformed", method="HEAD"), sizes=[9000])
@example(data=upgrade(TARGETS[0], *["X: 1"] * 100), sizes=[9000])
def test_any_bytes_of_a_client_give_a_request_or_a_refusal(data: bytes, sizes: list[int]) -> None:
    at_once = client_outcome([data] if data else [])
    event(str(at_once[1:]) if len(at_once) == 3 else "incomplete or admitted")
    assert client_outcome(cut(data, sizes)) == at_once
    assert client_outcome(bytewise(data)) == at_once


# --- (7) the provider's side ----------------------------------------------------------------------

VALID_ANSWERS = valid_answers("a") | st.just(
    switch("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9")
)
ANY_ANSWER = any_answers(VALID_ANSWERS)


def upstream_outcome(pieces: list[bytes], *, ended: bool) -> tuple[object, ...]:
    handshake = dialled("a", "b", compression=(PermessageDeflate(),))
    try:
        for number, piece in enumerate(pieces, start=1):
            answer = handshake.receive_data(piece)
            if answer is not None:
                return answer, handshake.early_data + b"".join(pieces[number:])
        if ended:
            assert handshake.receive_data(b"") is None
            raise AssertionError("the end of the connection was taken for nothing")
    except Refused as refused:
        body = refused.body if isinstance(refused, ProviderRefused) else None
        check_refusal(ClientHandshake(LIMITS), refused)
        return refused.status, refused.code, refused.fields, body
    check_refusal(ClientHandshake(LIMITS), handshake.timed_out())
    return ("incomplete",)


@given(data=ANY_ANSWER, sizes=chunkings, ended=st.booleans())
@example(data=b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", sizes=[9000], ended=False)
@example(data=b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", sizes=[9000], ended=False)
@example(data=b"\r\n\r\n" + switch(), sizes=[2], ended=False)
def test_any_bytes_of_a_provider_give_a_101_or_a_refusal_or_are_waited_upon(
    data: bytes, sizes: list[int], ended: bool
) -> None:
    at_once = upstream_outcome([data] if data else [], ended=ended)
    event(str(at_once[0]) if isinstance(at_once[0], int) else type(at_once[0]).__name__)
    assert upstream_outcome(cut(data, sizes), ended=ended) == at_once
    if len(data) < 2000:
        assert upstream_outcome(bytewise(data), ended=ended) == at_once


# --- (8) secrets ----------------------------------------------------------------------------------

VISIBLE = st.text(st.sampled_from("aZ09-._~/+=%:\"\\'"), min_size=6, max_size=12)
TOKEN_CHARACTERS = st.text(st.sampled_from("aZ09-._~+%'"), min_size=6, max_size=12)
TOKENS = st.sampled_from([*[TOKEN] * 9, OTHER_TOKEN])
STORED_KEYS = VISIBLE.map(lambda text: f"stored{text}")


def percent(text: str, every: int, upper: bool) -> str:
    """Text with each ``every``-th character percent-encoded, and all that a query cannot hold."""
    return "".join(
        f"%{ord(each):02{'X' if upper else 'x'}}"
        if not (each.isalnum() or each in "-._~/:") or index % every == 0
        else each
        for index, each in enumerate(text)
    )


def any_case(text: str, bits: int) -> str:
    return "".join(each.upper() if bits >> index & 1 else each for index, each in enumerate(text))


@dataclass
class Placed:
    """A request to be made, and what is secret in it."""

    native: str
    parameters: list[str]
    lines: list[str]
    entries: list[str]
    secrets: list[str]

    def data(self) -> bytes:
        return upgrade(self.target(), *self.all_lines())

    def target(self) -> str:
        query = f"?{'&'.join(self.parameters)}" if self.parameters else ""
        return f"/v1/acct/main/{self.native}{query}"

    def all_lines(self) -> list[str]:
        offer = [f"Sec-WebSocket-Protocol: {', '.join(dict.fromkeys(self.entries))}"]
        return [*self.lines, *(offer if self.entries else [])]


NATIVE = {
    "openai": ["", "/realtime", "/v1/live/sessions/{}/attach"],
    "google": [""],
    "cartesia": ["", "/stt/websocket"],
    "elevenlabs": ["", "/v1/text-to-speech/{}/stream-input", "/text-to-speech/{}/stream-input"],
    "azure-openai": ["/openai/realtime", "/{}/openai/v1/realtime"],
    "google-vertex-ai": ["", "/us-central1"],
    "fal": ["/fal-ai/{}/realtime", "/{}"],
    "speechmatics": ["/v2/{}"],
    "workers-ai": ["", "/v1/{}/gateway/workers-ai"],
}
# Now and then a token stands where it must not go on.
PATH_VALUES = st.sampled_from([*["s"] * 9, TOKEN])
STRAY_NAMES = {
    Kind.FIELD: ["cf-aig-authorization", "cookie", "connection", "x-other", "user-agent"],
    Kind.QUERY: ["cf-aig-authorization", "CF-AIG-Authorization", "user", "KEY", "a;key", ""],
    Kind.SUBPROTOCOL: ["cf-aig-authorization.", "CF-AIG-Authorization.", "", "x."],
    Kind.SUBPROTOCOL_PAIR: ["token", "bearer", "x"],
}
SCHEMES = ["", "Bearer ", "bearer  ", "Basic ", "Token ", "Bearer Bearer ", "Bearer\t"]


@st.composite
def placed_secrets(draw: st.DrawFn) -> Placed:
    """Tokens anywhere, and the client's own credentials in the slots of its provider."""
    provider = draw(st.sampled_from(CATALOGUE))
    native = draw(st.sampled_from(NATIVE.get(provider.name, [""]))).format(draw(PATH_VALUES))
    placed = Placed(f"{provider.name}{native}", [], [], [], [TOKEN, OTHER_TOKEN])
    for slot in draw(st.lists(st.sampled_from(provider.slots), max_size=3, unique=True)):
        in_entry = slot.kind in {Kind.SUBPROTOCOL, Kind.SUBPROTOCOL_PAIR}
        characters = TOKEN_CHARACTERS if in_entry else VISIBLE
        value = draw(TOKENS) if draw(st.booleans()) else "own" + draw(characters)
        placed.secrets.append(value)
        _place(draw, placed, slot.kind, slot.name, value)
    for kind in draw(st.lists(st.sampled_from(Kind), max_size=1)):
        _place(draw, placed, kind, draw(st.sampled_from(STRAY_NAMES[kind])), draw(TOKENS))
    placed.entries += draw(st.lists(st.sampled_from(["realtime", "relay", "convai"]), max_size=2))
    if draw(st.booleans()):
        placed.lines.append(f"cf-aig-authorization: {TOKEN}")
    return placed


def _place(draw: st.DrawFn, placed: Placed, kind: Kind, name: str, value: str) -> None:
    if kind is Kind.FIELD:
        written = any_case(name, draw(st.integers(min_value=0, max_value=2**20)))
        placed.lines.append(f"{written}: {draw(st.sampled_from(SCHEMES))}{value}")
    elif kind is Kind.QUERY:
        every, upper = draw(st.sampled_from([1, 3, 100])), draw(st.booleans())
        prefix = draw(st.sampled_from([*[""] * 9, "+"]))
        name = name if draw(st.booleans()) else percent(name, every, upper)
        placed.parameters.append(f"{name}={prefix}{percent(value, every, upper)}")
    elif kind is Kind.SUBPROTOCOL:
        placed.entries.append(f"{name}{value}")
    else:
        placed.entries += [name, value]


def leaks(secret: str) -> list[str]:
    """The forms in which a provider may show a credential."""
    return [
        secret,
        percent(secret, 1, upper=True),
        percent(secret, 3, upper=False),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
    ]


@st.composite
def indiscreet_answers(draw: st.DrawFn, offered: tuple[str, ...], secrets: list[str]) -> bytes:
    """A provider's answer that shows the credential that it was sent."""
    shown = [form for secret in secrets for form in leaks(secret)] or ["nothing"]
    names = ["x-request-id", "dg-request-id", "retry-after", "x-ratelimit-x", "location", "server"]
    lines = [
        f"{draw(st.sampled_from(names))}: {draw(st.sampled_from(shown))}"
        for _ in range(draw(st.integers(min_value=0, max_value=3)))
    ]
    if draw(st.booleans()):
        chosen = draw(st.sampled_from(["", *offered]))
        return switch(*lines, *([f"Sec-WebSocket-Protocol: {chosen}"] if chosen else []))
    status = draw(st.sampled_from([200, 302, 400, 401, 403, 500]))
    body = f'{{"error": "bad key {draw(st.sampled_from(shown))}"}}'.encode()
    all_lines = [f"HTTP/1.1 {status} No", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(all_lines).encode() + body


def shown_in(text: bytes, secret: str) -> bool:
    value = secret.encode()
    return any(
        value in form
        for form in (text, unquote_to_bytes(text), text.replace(b"\\/", b"/").replace(b'\\"', b'"'))
    )


def without_echo(sent: bytes, opening: Opening) -> bytes:
    """The 101 without the entry that answers a client who offered nothing but secrets."""
    secrets = opening.credentials.secret_subprotocols
    if not set(opening.subprotocols) <= secrets:
        return sent
    lines = sent.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"Sec-WebSocket-Protocol: "))


@given(
    placed=placed_secrets(),
    stored=STORED_KEYS,
    required=st.booleans(),
    data=st.data(),
)
def test_no_secret_is_shown_to_anybody(
    placed: Placed, stored: str, required: bool, data: st.DataObject
) -> None:
    gateway = a_gateway(
        authentication_required=required,
        stored_keys={(provider.name, "default"): stored for provider in CATALOGUE},
    )
    client = ClientHandshake(LIMITS)
    shown: list[object] = [gateway, client]  # whose repr and str land in logs
    to_client: list[bytes] = []
    try:
        request = client.receive_data(placed.data())
        assert request is not None
        shown.append(request)
        opening = examine(request, CONFIGURED)
        shown += [opening, opening.target, opening.credentials]
        admission = admission_of(opening, gateway, CONFIGURED)
        shown += [admission, admission.route]
        upstream = upstream_request(admission, opening.fields, opening.credentials)
        handshake = UpstreamHandshake(upstream, NONCE, LIMITS)
        shown += [upstream, handshake]
        sent = handshake.request_data()
        for token in (TOKEN, OTHER_TOKEN):
            assert not shown_in(sent, token)
        sent_secrets = [secret.reveal().decode() for secret in upstream.secrets]
        answers = indiscreet_answers(upstream.subprotocols, sent_secrets)
        answer = handshake.receive_data(data.draw(answers))
        assert answer is not None
        shown.append(answer)
        accepted = client.accept(opening, answer, "id")
        assert not shown_in(accepted, stored)
        to_client.append(without_echo(accepted, opening))
        event("accepted")
    except Refused as refused:
        event(f"refused with {refused.status} {refused.code}")
        shown += [refused, refusal(refused, "id")]
        to_client.append(client.refuse(refused, "id"))
    to_client.append(redact(placed.target()).encode())
    to_client += [text(each).encode() for each in shown for text in (repr, str)]
    for text in to_client:
        for secret in {*placed.secrets, stored}:
            assert not shown_in(text, secret)


def test_the_example_of_the_rfc_is_what_these_laws_start_from() -> None:
    answered = dialled().receive_data(switch())
    assert isinstance(answered, UpstreamAnswer)
    assert KEY in upgrade(TARGETS[0])
    assert client_outcome([upgrade(TARGETS[0], "Authorization: Bearer K")])[1] == b""
