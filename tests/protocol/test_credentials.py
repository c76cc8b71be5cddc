from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pytest

from relay.protocol import (
    CATALOGUE,
    Credentials,
    Kind,
    Secret,
    Slot,
    by_name,
    read_credentials,
    redact,
)
from relay.protocol.credentials import contains_secret, contains_token
from relay.protocol.subprotocols import answer
from relay.testing.handshakes import upgrade
from tests.protocol import handshakes
from tests.protocol.handshakes import (
    CONFIGURED,
    OTHER_TOKEN,
    PROVIDERS,
    TOKEN,
    Session,
    a_gateway,
    refused,
)

admit = partial(handshakes.admit, providers=CONFIGURED)

OWN = "sk-own.1_2"
STORED = "sk-stored/3"
STORED_KEYS = {(provider.name, "default"): STORED for provider in CATALOGUE}


class Place(NamedTuple):
    """A slot of a provider, and what it becomes upstream."""

    provider: str
    kind: Kind
    name: str
    scheme: str = ""
    upstream_kind: Kind | None = None
    upstream_name: str = ""
    upstream_scheme: str = ""

    def request(self, *values: str) -> bytes:
        """An opening handshake with these values in the slot."""
        parameters, lines = ["x=1"], []
        if self.kind is Kind.FIELD:
            lines = [f"{self.name}: {self.scheme}{value}" for value in values]
        elif self.kind is Kind.QUERY:
            parameters += [f"{self.name}={value}" for value in values]
        elif self.kind is Kind.SUBPROTOCOL_PAIR:
            lines = [f"Sec-WebSocket-Protocol: {self.name}, {value}" for value in values]
        else:
            lines = [f"Sec-WebSocket-Protocol: {self.name}{value}" for value in values]
        return upgrade(
            f"/v1/acct/main/{self.provider}{MODELS.get(self.provider, '')}?{'&'.join(parameters)}",
            "Sec-WebSocket-Protocol: realtime",
            *lines,
        )

    def upstream(self, value: str) -> tuple[object, ...]:
        """Target, field lines and subprotocols that carry the value to the provider."""
        kind = self.upstream_kind or self.kind
        name = self.upstream_name or self.name
        path = MODELS.get(self.provider) or CONFIGURED[self.provider].endpoints[0].path
        target = f"{path}?x=1"
        fields, entries = [], ["realtime"]
        if kind is Kind.FIELD:
            scheme = self.upstream_scheme or self.scheme
            fields.append((name.lower().encode(), f"{scheme}{value}".encode()))
        elif kind is Kind.QUERY:
            target += f"&{name}={value}"
        elif kind is Kind.SUBPROTOCOL_PAIR:
            entries += [name, value]
        else:
            entries.append(f"{name}{value}")
        return target.encode(), tuple(fields), tuple(entries)


FIELD, QUERY, ENTRY, PAIR = Kind.FIELD, Kind.QUERY, Kind.SUBPROTOCOL, Kind.SUBPROTOCOL_PAIR
MODELS = {"fal": "/fal-ai/model"}  # by provider: the path where there is no default one
PLACES = [
    Place("openai", FIELD, "Authorization", "Bearer "),
    Place("openai", ENTRY, "openai-insecure-api-key."),
    Place("google", QUERY, "key"),
    Place("google", QUERY, "api_key", upstream_name="key"),
    Place("google", QUERY, "access_token"),
    Place("google", FIELD, "X-Goog-Api-Key"),
    Place("google", FIELD, "Authorization", "Token "),
    Place("cartesia", FIELD, "X-API-Key"),
    Place("cartesia", FIELD, "Authorization", "Bearer "),
    Place("cartesia", QUERY, "api_key"),
    Place("cartesia", QUERY, "access_token"),
    Place("elevenlabs", FIELD, "xi-api-key"),
    Place("elevenlabs", ENTRY, "xi-api-key.", upstream_kind=Kind.FIELD, upstream_name="xi-api-key"),
    Place("elevenlabs", ENTRY, "bearer."),
    Place("elevenlabs", QUERY, "authorization"),
    Place("elevenlabs", QUERY, "conversation_signature"),
    Place("elevenlabs", QUERY, "single_use_token"),
    Place("elevenlabs", QUERY, "token"),
    Place("azure-openai", FIELD, "api-key"),
    Place("azure-openai", FIELD, "Authorization", "Bearer "),
    Place("azure-openai", QUERY, "api-key"),
    Place("azure-openai", ENTRY, "openai-insecure-api-key.", "", FIELD, "api-key"),
    Place("google-vertex-ai", FIELD, "Authorization", "Bearer "),
    Place("google-vertex-ai", FIELD, "x-goog-api-key"),
    Place("deepgram", FIELD, "Authorization", "Token "),
    Place("deepgram", PAIR, "token"),
    Place("deepgram", PAIR, "bearer"),
    Place("fal", FIELD, "Authorization", "Key "),
    Place("fal", QUERY, "fal_jwt_token"),
    Place("fal", ENTRY, "fal-api-key.", "", FIELD, "authorization", "Key "),
    Place("xai", FIELD, "Authorization", "Bearer "),
    Place("xai", ENTRY, "xai-client-secret."),
    Place("xai", ENTRY, "openai-insecure-api-key.", "", FIELD, "authorization", "Bearer "),
    Place("assemblyai", FIELD, "Authorization"),
    Place("assemblyai", QUERY, "token"),
    Place("hume", FIELD, "X-Hume-Api-Key"),
    Place("hume", FIELD, "Authorization", "Bearer "),
    Place("hume", QUERY, "api_key"),
    Place("hume", QUERY, "access_token"),
    Place("mistral", FIELD, "Authorization", "Bearer "),
    Place("mistral", ENTRY, "rt_"),
    Place("speechmatics", FIELD, "Authorization", "Bearer "),
    Place("speechmatics", QUERY, "jwt"),
    Place("inworld", FIELD, "Authorization", "Basic "),
    Place("inworld", QUERY, "token"),
    Place("workers-ai", FIELD, "Authorization", "Bearer ", FIELD, "cf-aig-authorization"),
]
STORED_PLACES = {
    "openai": Place("openai", FIELD, "authorization", "Bearer "),
    "google": Place("google", QUERY, "key"),
    "cartesia": Place("cartesia", FIELD, "x-api-key"),
    "elevenlabs": Place("elevenlabs", FIELD, "xi-api-key"),
    "azure-openai": Place("azure-openai", FIELD, "api-key"),
    "google-vertex-ai": Place("google-vertex-ai", FIELD, "authorization", "Bearer "),
    "deepgram": Place("deepgram", FIELD, "authorization", "Token "),
    "fal": Place("fal", FIELD, "authorization", "Key "),
    "xai": Place("xai", FIELD, "authorization", "Bearer "),
    "assemblyai": Place("assemblyai", FIELD, "authorization"),
    "hume": Place("hume", FIELD, "x-hume-api-key"),
    "mistral": Place("mistral", FIELD, "authorization", "Bearer "),
    "speechmatics": Place("speechmatics", FIELD, "authorization", "Bearer "),
    "inworld": Place("inworld", FIELD, "authorization", "Basic "),
    "workers-ai": Place("workers-ai", FIELD, "cf-aig-authorization", "Bearer "),
}


def _each(places: list[Place]) -> pytest.MarkDecorator:
    ids = [f"{place.provider}-{place.kind.name}-{place.name}" for place in places]
    return pytest.mark.parametrize("place", places, ids=ids)


in_every_slot = _each(PLACES)
in_every_slot_that_can_repeat = _each([place for place in PLACES if place.kind is not PAIR])


def sent(session: Session) -> tuple[object, ...]:
    upstream = session.upstream
    return upstream.target, upstream.fields, upstream.subprotocols


def stored(place: Place) -> tuple[object, ...]:
    """What goes upstream with the stored key of the place's provider."""
    by = STORED_PLACES[place.provider]
    return by.upstream("sk-stored%2F3" if by.kind is Kind.QUERY else STORED)


def test_the_table_has_every_slot_of_the_catalogue() -> None:
    catalogue = {(each.name, slot.kind, slot.name) for each in CATALOGUE for slot in each.slots}
    assert catalogue == {
        (place.provider, place.kind, place.name.lower() if place.kind is FIELD else place.name)
        for place in PLACES
    }


# --- every slot of every provider -----------------------------------------------------------------


@in_every_slot
@pytest.mark.parametrize("authentication", [True, False])
def test_the_clients_own_credential_goes_upstream(place: Place, authentication: bool) -> None:
    data = place.request(OWN)
    if authentication:
        data = data[:-2] + f"cf-aig-authorization: {TOKEN}\r\n\r\n".encode()
    gateway = a_gateway(stored_keys=STORED_KEYS, authentication_required=authentication)
    session = admit(data, gateway)
    assert sent(session) == place.upstream(OWN)
    assert session.upstream.secrets == (Secret(OWN.encode()),)


@in_every_slot
def test_a_gateway_token_in_a_slot_authenticates_and_gives_way_to_the_stored_key(
    place: Place,
) -> None:
    session = admit(place.request(TOKEN), a_gateway(stored_keys=STORED_KEYS))
    assert session.admission.token is not None
    assert sent(session) == stored(place)
    assert session.upstream.secrets == (Secret(STORED.encode()),)


@in_every_slot
@pytest.mark.parametrize("value", [OTHER_TOKEN, "rly_", "rly_short", TOKEN[:-1], TOKEN + "x"])
@pytest.mark.parametrize("authentication", [True, False])
def test_an_unknown_gateway_token_in_a_slot_is_401(
    place: Place, value: str, authentication: bool
) -> None:
    gateway = a_gateway(stored_keys=STORED_KEYS, authentication_required=authentication)
    with refused(401, 2009):
        admit(place.request(value), gateway)


@in_every_slot
def test_two_different_values_in_one_slot_are_400(place: Place) -> None:
    gateway = a_gateway(authentication_required=False)
    with refused(400):
        admit(place.request(OWN, OWN + "x"), gateway)
    with refused(400):
        admit(place.request(TOKEN, OTHER_TOKEN), gateway)


@in_every_slot
def test_an_equal_copy_is_one_credential(place: Place) -> None:
    if place.kind in {Kind.SUBPROTOCOL, Kind.SUBPROTOCOL_PAIR}:
        with refused(400):  # RFC 6455 4.1: an entry stands once
            admit(place.request(OWN, OWN))
        return
    session = admit(place.request(OWN, OWN), a_gateway(authentication_required=False))
    assert sent(session) == place.upstream(OWN)
    assert session.upstream.secrets == (Secret(OWN.encode()),)


@in_every_slot_that_can_repeat
def test_a_token_and_an_own_credential_in_one_slot_are_both_used(place: Place) -> None:
    session = admit(place.request(TOKEN, OWN), a_gateway(stored_keys=STORED_KEYS))
    assert session.admission.token is not None
    assert sent(session) == place.upstream(OWN)


@in_every_slot_that_can_repeat
def test_an_empty_value_is_no_credential(place: Place) -> None:
    gateway = a_gateway(stored_keys=STORED_KEYS, authentication_required=False)
    assert sent(admit(place.request(""), gateway)) == stored(place)


@pytest.mark.parametrize("place", [place for place in PLACES if place.kind is Kind.FIELD])
@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase])
def test_field_names_are_read_in_any_case(place: Place, change: Callable[[str], str]) -> None:
    written = place._replace(name=change(place.name))
    session = admit(written.request(TOKEN), a_gateway(stored_keys=STORED_KEYS))
    assert sent(session) == stored(place)


def percent_encoded(text: str, *, upper: bool) -> str:
    return "".join(f"%{ord(each):02{'X' if upper else 'x'}}" for each in text)


@pytest.mark.parametrize("place", [place for place in PLACES if place.kind is Kind.QUERY])
@pytest.mark.parametrize("upper", [True, False])
def test_parameters_are_read_percent_decoded(place: Place, upper: bool) -> None:
    written = place._replace(name=percent_encoded(place.name, upper=upper))
    token = percent_encoded(TOKEN, upper=upper)
    gateway = a_gateway(stored_keys=STORED_KEYS)
    assert sent(admit(written.request(token, TOKEN), gateway)) == stored(place)


@pytest.mark.parametrize("place", [place for place in PLACES if place.kind is Kind.QUERY])
def test_an_own_credential_goes_upstream_as_it_is_encoded(place: Place) -> None:
    value = percent_encoded(OWN, upper=False)
    session = admit(place.request(value, OWN), a_gateway(authentication_required=False))
    assert sent(session) == place.upstream(value)
    assert session.upstream.secrets == (Secret(OWN.encode()),)
    name = percent_encoded(place.name, upper=False)
    session = admit(
        place._replace(name=name).request(value),
        a_gateway(tokens=(), authentication_required=False),
    )
    written = place if place.upstream_name else place._replace(name=name)
    assert sent(session) == written.upstream(value)


# --- pairs of entries -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "forwarded", "answered"),
    [
        ("token, K", ("token", "K"), "token"),
        ("bearer, a.b.c", ("bearer", "a.b.c"), "bearer"),
        (
            "token, K, x-deepgram-session-id, 1f",
            ("token", "K", "x-deepgram-session-id", "1f"),
            "token",
        ),
        (f"token, {TOKEN}", (), "token"),
        (f"token, {TOKEN}, x-deepgram-session-id, 1f", ("x-deepgram-session-id", "1f"), "token"),
        (f"token, cf-aig-authorization.{TOKEN}", (), "token"),
        (f"token, cf-aig-authorization.{TOKEN}, K", ("token", "K"), "token"),
        ("token, relay, K", ("token", "K"), "token"),
        ("Token, K", ("Token", "K"), "Token"),
        (f"relay, token, K, cf-aig-authorization.{TOKEN}", ("token", "K"), "relay"),
        (f"token, relay, {TOKEN}", (), "token"),
        ("token, relay", (), "token"),
        ("token", (), "token"),
        ("token, K, other", ("token", "K", "other"), "token"),
    ],
)
def test_a_credential_may_be_the_entry_after_its_scheme(
    offered: str, forwarded: tuple[str, ...], answered: str
) -> None:
    data = upgrade("/v1/acct/main/deepgram", f"Sec-WebSocket-Protocol: {offered}")
    session = admit(data, a_gateway(stored_keys=STORED_KEYS, authentication_required=False))
    assert session.upstream.subprotocols == forwarded
    opening = session.opening
    secrets = opening.credentials.secret_subprotocols
    assert answer(opening.subprotocols, secrets, None) == answered


@pytest.mark.parametrize("offered", ["token, K", "token, relay, K", "bearer, K", "Token, K"])
def test_a_pair_is_a_credential_where_none_is_taken(offered: str) -> None:
    data = upgrade(
        "/v1/acct/main/deepgram",
        f"cf-aig-authorization: {TOKEN}",
        f"Sec-WebSocket-Protocol: {offered}",
    )
    with refused(403, 2010):
        admit(data, a_gateway(stored_keys=STORED_KEYS, client_credentials_allowed=False))


@pytest.mark.parametrize("scheme", ["token", "bearer", "Token"])
def test_the_second_of_a_pair_is_a_secret_for_other_providers_too(scheme: str) -> None:
    data = upgrade("/v1/acct/main/openai", f"Sec-WebSocket-Protocol: {scheme}, K, realtime")
    session = admit(data, a_gateway(stored_keys=STORED_KEYS, authentication_required=False))
    assert session.upstream.subprotocols == (scheme, "realtime")
    assert session.opening.credentials.secret_subprotocols == {"K"}


# --- field lines with a scheme --------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["Bearer {}", "bearer {}", "BEARER   {}", "Token {}", "Basic {}", "{}"]
)
def test_a_token_is_found_behind_any_scheme(value: str) -> None:
    session = admit(
        upgrade("/v1/acct/main/openai", f"Authorization: {value.format(TOKEN)}"),
        a_gateway(stored_keys=STORED_KEYS),
    )
    assert session.upstream.fields == ((b"authorization", f"Bearer {STORED}".encode()),)


@pytest.mark.parametrize("value", ["bearer K", "Basic K", "K", "Token  K"])
def test_an_own_credential_keeps_its_scheme(value: str) -> None:
    session = admit(
        upgrade("/v1/acct/main/openai", f"Authorization: {value}"),
        a_gateway(authentication_required=False),
    )
    assert session.upstream.fields == ((b"authorization", value.encode()),)
    assert session.upstream.secrets == (Secret(b"K"),)


def test_a_slot_without_a_scheme_holds_nothing_but_the_credential() -> None:
    session = admit(
        upgrade("/v1/acct/main/cartesia", "x-api-key: a b"),
        a_gateway(authentication_required=False),
    )
    assert session.upstream.secrets == (Secret(b"a b"),)


def test_where_some_endpoints_want_a_bearer_token_one_is_read_as_one() -> None:
    gateway = a_gateway(stored_keys=STORED_KEYS)
    data = upgrade("/v1/acct/main/assemblyai/v1/ws", f"Authorization: Bearer {TOKEN}")
    assert admit(data, gateway).upstream.fields == (
        (b"authorization", f"Bearer {STORED}".encode()),
    )
    data = upgrade("/v1/acct/main/assemblyai/v1/ws", "Authorization: Bearer K")
    session = admit(data, a_gateway(authentication_required=False))
    assert session.upstream.fields == ((b"authorization", b"Bearer K"),)
    assert session.upstream.secrets == (Secret(b"K"),)


def test_a_scheme_alone_is_no_credential() -> None:
    session = admit(
        upgrade("/v1/acct/main/openai", "Authorization: bearer"),
        a_gateway(authentication_required=False, stored_keys=STORED_KEYS),
    )
    assert session.upstream.secrets == (Secret(STORED.encode()),)


@pytest.mark.parametrize("authentication", [True, False])
def test_a_token_with_something_behind_it_is_a_token_that_nobody_knows(
    authentication: bool,
) -> None:
    with refused(401, 2009):
        admit(
            upgrade("/v1/acct/main/openai", f"Authorization: {TOKEN} K"),
            a_gateway(authentication_required=authentication),
        )


# --- the gateway's own slots ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        [f"cf-aig-authorization: {TOKEN}"],
        [f"CF-AIG-Authorization: Bearer {TOKEN}"],
        [f"cf-aig-authorization: bearer   {TOKEN}"],
        [f"Sec-WebSocket-Protocol: realtime, cf-aig-authorization.{TOKEN}"],
        [f"cf-aig-authorization: {TOKEN}", f"Cf-Aig-Authorization: Bearer {TOKEN}"],
        [
            f"cf-aig-authorization: {TOKEN}",
            f"Sec-WebSocket-Protocol: cf-aig-authorization.{TOKEN}",
            f"Authorization: Bearer {TOKEN}",
        ],
        [f"cf-aig-authorization: {TOKEN}", "Connection: cf-aig-authorization"],
    ],
)
def test_a_gateway_token_is_found_where_it_may_stand(lines: list[str]) -> None:
    session = admit(upgrade("/v1/acct/main/openai", *lines), a_gateway(stored_keys=STORED_KEYS))
    assert session.admission.token is not None
    assert TOKEN.encode() not in session.upstream_bytes


@pytest.mark.parametrize(
    "lines",
    [
        [f"cf-aig-authorization: {TOKEN}", f"cf-aig-authorization: {OTHER_TOKEN}"],
        [f"cf-aig-authorization: {TOKEN}", "cf-aig-authorization: wrong"],
        [
            "cf-aig-authorization: wrong",
            f"Sec-WebSocket-Protocol: cf-aig-authorization.{TOKEN}",
        ],
        [f"Sec-WebSocket-Protocol: cf-aig-authorization.x, cf-aig-authorization.{TOKEN}"],
        [f"cf-aig-authorization: {TOKEN}", f"Authorization: Bearer {OTHER_TOKEN}"],
    ],
)
def test_two_different_gateway_tokens_are_400(lines: list[str]) -> None:
    with refused(400) as caught:
        admit(upgrade("/v1/acct/main/openai", *lines))
    assert caught.value.message == "two different gateway tokens"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["cf-aig-authorization:"],
        ["cf-aig-authorization: Bearer"],
        ["cf-aig-authorization: wrong"],
        [f"cf-aig-authorization: Basic {TOKEN}"],
        [f"cf-aig-authorization: {TOKEN.swapcase()}"],
        [f"cf_aig_authorization: {TOKEN}"],
        [f"x-api-key: {TOKEN}"],  # no slot of this provider
        ["Sec-WebSocket-Protocol: cf-aig-authorization."],
        [f"Sec-WebSocket-Protocol: {TOKEN}"],
        [f"Sec-WebSocket-Protocol: xi-api-key.{TOKEN}"],
        [f"Sec-WebSocket-Protocol: CF-AIG-Authorization.{TOKEN}"],
        [f"Cookie: cf-aig-authorization={TOKEN}"],
    ],
)
def test_what_stands_elsewhere_does_not_authenticate(lines: list[str]) -> None:
    with refused(401, 2009):
        admit(upgrade("/v1/acct/main/openai?model=m", *lines), a_gateway(stored_keys=STORED_KEYS))


@pytest.mark.parametrize(
    "name", ["cf-aig-authorization", "%63f-aig-authorization", "CF-AIG-Authorization"]
)
def test_the_gateways_field_name_in_the_query_neither_authenticates_nor_goes_on(
    name: str,
) -> None:
    target = f"/v1/acct/main/openai?a=1&{name}={TOKEN}&b=2"
    with refused(401, 2009):
        admit(upgrade(target), a_gateway(stored_keys=STORED_KEYS))
    gateway = a_gateway(stored_keys=STORED_KEYS, authentication_required=False)
    assert admit(upgrade(target), gateway).upstream.target == b"/v1/realtime?a=1&b=2"


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("/openai?user={}", []),
        ("/openai?{}", []),
        ("/openai?{}=1", []),
        ("/openai?user=x{}", []),
        ("/openai?user=%72{[1]}", []),
        ("/google?KEY={}", []),
        ("/google?key=+{}", []),
        ("/google?a;key={}", []),
        ("/openai/live/sessions/{}/attach", []),
        ("/openai", ["User-Agent: sdk/1 ({})"]),
        ("/openai", ["OpenAI-Organization: {}"]),
        ("/openai", ["Authorization: Bearer Bearer {}"]),
        ("/openai", ["Sec-WebSocket-Protocol: openai-insecure-api-key.x{}"]),
    ],
)
@pytest.mark.parametrize("token", [TOKEN, OTHER_TOKEN])
@pytest.mark.parametrize("authentication", [True, False])
def test_a_gateway_token_that_would_go_upstream_is_400(
    target: str, lines: list[str], token: str, authentication: bool
) -> None:
    def placed(text: str) -> str:
        return text.replace("{[1]}", token[1:]).replace("{}", token)

    if authentication:
        lines = [f"cf-aig-authorization: {TOKEN}", *lines]
    gateway = a_gateway(stored_keys=STORED_KEYS, authentication_required=authentication)
    data = upgrade(f"/v1/acct/main{placed(target)}", *map(placed, lines))
    with refused(400) as caught:
        admit(data, gateway)
    assert token not in caught.value.message


def test_a_gateway_token_of_another_shape_does_not_go_upstream_either() -> None:
    gateway = a_gateway(tokens=(), authentication_required=False, stored_keys=STORED_KEYS)
    line = "cf-aig-authorization: legacy/token"
    with refused(400):
        admit(upgrade("/v1/acct/main/openai?user=legacy%2Ftoken", line), gateway)
    assert admit(upgrade("/v1/acct/main/openai?user=other", line), gateway).upstream.secrets


def test_a_stored_key_may_look_like_a_gateway_token() -> None:
    # The provider may be another relay.
    gateway = a_gateway(stored_keys={("openai", "default"): OTHER_TOKEN})
    session = admit(upgrade("/v1/acct/main/openai", f"cf-aig-authorization: {TOKEN}"), gateway)
    assert session.upstream.fields == ((b"authorization", f"Bearer {OTHER_TOKEN}".encode()),)


# --- the query ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["", "&", "a", "a=", "=a", "a=1&&b=%zz&c=a+b", "model=%40cf%2Fx", "a=1?b", "a=%0d%0aX:%201"],
)
def test_the_query_goes_upstream_byte_for_byte(query: str) -> None:
    session = admit(
        upgrade(f"/v1/acct/main/openai?{query}", "Authorization: Bearer K"),
        a_gateway(authentication_required=False),
    )
    assert session.upstream.target == f"/v1/realtime?{query}".encode()


@pytest.mark.parametrize(
    ("query", "upstream"),
    [
        ("a=1&key={t}&b=2", "a=1&b=2&key=S"),
        ("key={t}", "key=S"),
        ("key={t}&", "&key=S"),
        ("api_key=K&a=1", "key=K&a=1"),
        ("a=1&api_key=K&b=2", "a=1&key=K&b=2"),
        ("key=K&api_key=K", "key=K"),
        ("key=&api_key=K", "key=K"),
        ("key&api_key=K", "key=K"),
        ("key=K&access_token=L", "key=K&access_token=L"),
        ("access_token=auth_tokens/x", "access_token=auth_tokens/x"),
        ("api_key=a%2Fb+c=", "key=a%2Fb+c="),
        ("apikey=K&key={t}", "apikey=K&key=S"),
    ],
)
def test_credentials_alone_change_in_the_query(query: str, upstream: str) -> None:
    gateway = a_gateway(stored_keys={("google", "default"): "S"}, authentication_required=False)
    session = admit(upgrade(f"/v1/acct/main/google?{query.format(t=TOKEN)}"), gateway)
    assert session.upstream.target.partition(b"?")[2] == upstream.encode()


def test_no_query_stays_none() -> None:
    session = admit(
        upgrade("/v1/acct/main/openai", "Authorization: Bearer K"),
        a_gateway(authentication_required=False),
    )
    assert session.upstream.target == b"/v1/realtime"


def test_a_query_that_was_only_a_token_leaves_none() -> None:
    session = admit(
        upgrade(f"/v1/acct/main/cartesia?api_key={TOKEN}"), a_gateway(stored_keys=STORED_KEYS)
    )
    assert session.upstream.target == b"/tts/websocket"


# --- two slots, one upstream ----------------------------------------------------------------------


def test_different_values_for_one_upstream_slot_are_400() -> None:
    with refused(400):
        admit(upgrade("/v1/acct/main/google?key=K&api_key=L"))
    with refused(400):
        admit(
            upgrade(
                "/v1/acct/main/elevenlabs", "xi-api-key: K", "Sec-WebSocket-Protocol: xi-api-key.L"
            )
        )


def test_equal_values_for_one_upstream_slot_agree() -> None:
    session = admit(
        upgrade(
            "/v1/acct/main/elevenlabs", "xi-api-key: K", "Sec-WebSocket-Protocol: xi-api-key.K"
        ),
        a_gateway(authentication_required=False),
    )
    assert session.upstream.fields == ((b"xi-api-key", b"K"),)
    assert session.upstream.subprotocols == ()


def test_different_values_for_different_upstream_slots_are_the_providers_to_judge() -> None:
    session = admit(
        upgrade(
            "/v1/acct/main/openai",
            "Authorization: Bearer K",
            "Sec-WebSocket-Protocol: openai-insecure-api-key.L",
        ),
        a_gateway(authentication_required=False),
    )
    assert session.upstream.fields == ((b"authorization", b"Bearer K"),)
    assert session.upstream.subprotocols == ("openai-insecure-api-key.L",)
    assert session.upstream.secrets == (Secret(b"K"), Secret(b"L"))


def test_slots_of_one_name_in_different_places_are_different_slots() -> None:
    slots = (Slot(FIELD, "token"), Slot(QUERY, "token"))
    provider = replace(PROVIDERS["openai"], slots=slots)
    found = read_credentials(((b"token", b"K"),), b"token=L", (), provider)
    assert found.own == (Secret(b"K"), Secret(b"L"))


# --- subprotocol entries --------------------------------------------------------------------------


def test_entries_are_forwarded_or_kept() -> None:
    offered = (
        "realtime",
        "relay",
        "openai-beta.realtime-v1",
        "openai-organization.org",
        f"cf-aig-authorization.{TOKEN}",
        f"x.{OTHER_TOKEN}",
        "openai-insecure-api-key.K",
        "early_access",
        "rly_",
    )
    found = read_credentials((), None, offered, PROVIDERS["openai"])
    assert found.subprotocols == (
        "realtime",
        "openai-organization.org",
        "openai-insecure-api-key.K",
        "early_access",
        "rly_",
    )
    assert found.secret_subprotocols == {
        f"cf-aig-authorization.{TOKEN}",
        f"x.{OTHER_TOKEN}",
        "openai-insecure-api-key.K",
    }
    assert found.gateway_token == Secret(TOKEN.encode())


@pytest.mark.parametrize(
    "lines",
    [
        [f"Authorization: Bearer\t{TOKEN}"],
        [f"Authorization: bearer   {TOKEN}  "],
        [f"Authorization: Bearer %72{TOKEN[1:]}"],
        [f"cf-aig-authorization: rly%5F{TOKEN[4:]}"],
        [f"Sec-WebSocket-Protocol: cf-aig-authorization.rly%5F{TOKEN[4:]}"],
        [f"Sec-WebSocket-Protocol: openai-insecure-api-key.rly%5F{TOKEN[4:]}"],
        ["cf-aig-authorization:", f"Authorization: Bearer {TOKEN}"],
        [
            f"cf-aig-authorization: {TOKEN}",
            "Sec-WebSocket-Protocol: cf-aig-authorization.",
            f"Sec-WebSocket-Protocol: cf-aig-authorization.rly%5F{TOKEN[4:]}",
        ],
    ],
)
def test_a_gateway_token_is_known_in_every_spelling_of_its_slots(lines: list[str]) -> None:
    session = admit(upgrade("/v1/acct/main/openai", *lines), a_gateway(stored_keys=STORED_KEYS))
    assert session.admission.token is not None


@pytest.mark.parametrize(
    "entry", ["openai-insecure-api-key.rly%5Fbad", "openai-insecure-api-key.rly_bad"]
)
def test_an_unknown_gateway_token_is_401_in_every_spelling_where_none_is_asked(entry: str) -> None:
    gateway = a_gateway(stored_keys=STORED_KEYS, authentication_required=False)
    with refused(401, 2009):
        admit(upgrade("/v1/acct/main/openai", f"Sec-WebSocket-Protocol: {entry}"), gateway)


def test_credentials_of_another_provider_are_neither_forwarded_nor_echoed() -> None:
    found = read_credentials(
        (), None, ("xi-api-key.K", "fal-api-key.K", "relay", "realtime"), by_name()["openai"]
    )
    assert found.subprotocols == ("realtime",)
    assert found.secret_subprotocols == {"xi-api-key.K", "fal-api-key.K"}


def test_an_unknown_provider_has_no_slots() -> None:
    found = read_credentials(
        ((b"authorization", b"Bearer K"), (b"cf-aig-authorization", TOKEN.encode())),
        b"key=K",
        ("xi-api-key.K", "openai-beta.realtime-v1"),
        None,
    )
    assert found.own == ()
    assert found.gateway_token == Secret(TOKEN.encode())
    assert found.query == b"key=K"
    assert found.subprotocols == ("openai-beta.realtime-v1",)
    assert found.secret_subprotocols == {"xi-api-key.K"}


def test_what_was_found_is_shown_without_values() -> None:
    found = read_credentials(
        ((b"authorization", b"Bearer sk-1"), (b"cf-aig-authorization", TOKEN.encode())),
        b"key=sk-2",
        ("openai-insecure-api-key.sk-3", f"cf-aig-authorization.{TOKEN}"),
        PROVIDERS["openai"],
    )
    assert isinstance(found, Credentials)
    assert "sk-" not in repr(found)
    assert TOKEN not in repr(found)


# --- looking for secrets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (b"sk-1", b"bad key sk-1."),
        (b"a/b c", b"/?key=a%2Fb%20c"),
        (b"a/b c", b"/?key=%61%2fb%20c"),
        (b"a/b", b'"a\\/b"'),
        (b'a"/\xe9', b'{"key": "a\\"/\\u00e9"}'),
        (b'a"%41', b'key a"%41'),
        (b"a%2Fb", b"a%2Fb"),
    ],
)
def test_a_secret_is_found_in_the_forms_that_it_takes(value: bytes, data: bytes) -> None:
    assert contains_secret(data, [Secret(b"other"), Secret(value)])


@pytest.mark.parametrize("value", [b"", b"sk-2", b"SK-1"])
def test_another_secret_is_not_found(value: bytes) -> None:
    assert not contains_secret(b"bad key sk-1", [Secret(value)])
    assert not contains_secret(b"bad key sk-1", [])


@pytest.mark.parametrize(
    ("data", "contained"),
    [
        (TOKEN.encode(), True),
        (b"x." + TOKEN.encode() + b".x", True),
        (percent_encoded(TOKEN, upper=False).encode(), True),
        (b"nearly_" + b"x" * 42, False),
        (TOKEN[:-1].encode(), False),
        (b"early_access", False),
        (b"", False),
    ],
)
def test_a_token_is_found_by_its_shape(data: bytes, contained: bool) -> None:
    assert contains_token(data) is contained


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("wss://relay.test/v1/a/b/openai", "wss://relay.test/v1/a/b/openai"),
        ("/v1/a/b/google?key=K&alt=x", "/v1/a/b/google?key=...&alt=..."),
        ("/?key=K&&b", "/?key=...&b=..."),
        ("/?", "/?"),
        (f"/v1/{TOKEN}/b", "/v1/rly_.../b"),
        (f"/?{TOKEN}", "/?rly_...=..."),
        (f"token {TOKEN} and {TOKEN}", "token rly_... and rly_..."),
        ("/v1/%72ly%5Fabc%2D/b", "/v1/rly_.../b"),
        ("/?a=1?key=K", "/?a=..."),
    ],
)
def test_a_line_for_people_shows_no_values_and_no_tokens(text: str, shown: str) -> None:
    assert redact(text) == shown
