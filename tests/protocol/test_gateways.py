from __future__ import annotations

from dataclasses import replace

import pytest

from relay.protocol import (
    Admission,
    BearerToken,
    Gateway,
    Kind,
    Limits,
    Provider,
    RemoteProtocolError,
    Secret,
    Slot,
    examine,
    upstream_request,
)
from relay.testing.handshakes import upgrade
from tests.protocol.handshakes import (
    CONFIGURED,
    NOW,
    OTHER_TOKEN,
    PROVIDERS,
    TOKEN,
    a_gateway,
    a_token,
    admission_of,
    admit,
    read,
    refused,
)

OPENAI = "/v1/acct/main/openai?model=gpt-realtime"
WITH_TOKEN = f"cf-aig-authorization: {TOKEN}"
STORED_KEYS = {("openai", "default"): "sk-default", ("openai", "eu"): "sk-eu"}


def admission(gateway: Gateway, target: str, *lines: str, now: float = NOW) -> Admission:
    opening = examine(read(upgrade(target, *lines)), PROVIDERS)
    return admission_of(opening, gateway, PROVIDERS, now)


def test_a_gateway_asks_for_a_token_and_allows_the_rest_by_default() -> None:
    gateway = Gateway("acct/main")
    assert gateway.authentication_required
    assert gateway.client_credentials_allowed
    assert gateway.stored_key("openai", "default") is None
    assert gateway.limits == Limits()
    assert not gateway.messages_lane


def test_an_admission_says_who_goes_where() -> None:
    gateway = a_gateway()
    admitted = admission(gateway, OPENAI, WITH_TOKEN)
    assert admitted.gateway is gateway
    assert admitted.token is gateway.tokens[0]
    assert admitted.route.path == "/v1/realtime"


@pytest.mark.parametrize("target", ["/v1/other/main/openai", "/v1/acct/other/openai"])
def test_an_unknown_gateway_is_404(target: str) -> None:
    with refused(404, 2001):
        admission(a_gateway(), target, WITH_TOKEN)


# --- origins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origins", "lines"),
    [
        (None, ["Origin: https://evil.example"]),
        (None, ["Origin: null"]),
        (["https://app.example.com"], []),
        (["https://app.example.com"], ["Origin: https://app.example.com"]),
        (["null"], ["Origin: null"]),
    ],
)
def test_a_listed_or_absent_origin_passes(origins: list[str] | None, lines: list[str]) -> None:
    gateway = a_gateway(origins=frozenset(origins) if origins else None)
    assert admission(gateway, OPENAI, WITH_TOKEN, *lines).gateway is gateway


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://app.example.com",
        "https://app.example.com:443",
        "https://app.example.com/",
        "https://app.example.com.evil.example",
        "https://APP.example.com",
        "http://a:b",
        "caf\xe9",
    ],
)
def test_another_origin_is_403(origin: str) -> None:
    gateway = a_gateway(origins=frozenset({"https://app.example.com"}))
    with refused(403, 2010):
        admission(gateway, OPENAI, WITH_TOKEN, f"Origin: {origin}")


def test_an_origin_does_not_authenticate() -> None:
    gateway = a_gateway(origins=frozenset({"https://app.example.com"}))
    with refused(401, 2009):
        admission(gateway, OPENAI, "Origin: https://app.example.com")


# --- the gateway token ----------------------------------------------------------------------------


@pytest.mark.parametrize("required", [True, False])
def test_the_token_presented_is_found_among_several(required: bool) -> None:
    tokens = (a_token(OTHER_TOKEN), a_token(), a_token("rly_third"))
    gateway = a_gateway(tokens=tokens, authentication_required=required)
    assert admission(gateway, OPENAI, WITH_TOKEN).token is tokens[1]


@pytest.mark.parametrize(
    "lines", [[], ["cf-aig-authorization: wrong"], [f"cf-aig-authorization: {OTHER_TOKEN}"]]
)
def test_a_missing_or_wrong_token_is_401(lines: list[str]) -> None:
    with refused(401, 2009) as caught:
        admission(a_gateway(), OPENAI, *lines)
    assert OTHER_TOKEN not in str(caught.value)


def test_no_token_is_needed_where_none_is_asked_for() -> None:
    assert admission(a_gateway(authentication_required=False), OPENAI).token is None


def test_what_is_no_gateway_token_is_ignored_where_none_is_asked_for() -> None:
    gateway = a_gateway(authentication_required=False)
    assert admission(gateway, OPENAI, "cf-aig-authorization: Bearer cf-token").token is None


@pytest.mark.parametrize("value", [OTHER_TOKEN, "rly_", "rly_x"])
def test_an_unknown_rly_value_is_401_also_where_none_is_asked_for(value: str) -> None:
    with refused(401, 2009):
        admission(
            a_gateway(authentication_required=False), OPENAI, f"cf-aig-authorization: {value}"
        )


@pytest.mark.parametrize("required", [True, False])
def test_a_token_is_worth_nothing_from_its_expiry_on(required: bool) -> None:
    gateway = a_gateway(tokens=(a_token(expires=NOW),), authentication_required=required)
    assert admission(gateway, OPENAI, WITH_TOKEN, now=NOW - 0.001).token is not None
    for now in (NOW, NOW + 1):
        with refused(401, 2009):
            admission(gateway, OPENAI, WITH_TOKEN, now=now)


# --- what may be used -----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/v1/acct/main/unknown", "/v1/acct/main/openai/v1/chat"])
def test_an_unknown_provider_or_endpoint_is_400(target: str) -> None:
    with refused(400, 2008):
        admission(a_gateway(), target, WITH_TOKEN)


@pytest.mark.parametrize("target", ["/v1/acct/main/google", "/v1/acct/main/google-ai-studio"])
def test_a_provider_is_allowed_by_its_name_and_reached_by_its_aliases(target: str) -> None:
    allowed = frozenset({"google"})
    gateway = a_gateway(providers=allowed, tokens=(a_token(providers=allowed),))
    assert admission(gateway, target, WITH_TOKEN).gateway is gateway
    with refused(403, 2010):
        admission(gateway, OPENAI, WITH_TOKEN)


@pytest.mark.parametrize(
    ("of_gateway", "of_token"), [(["google"], None), (None, ["google"]), (["google"], ["openai"])]
)
def test_gateway_and_token_must_both_allow_the_provider(
    of_gateway: list[str] | None, of_token: list[str] | None
) -> None:
    gateway = a_gateway(
        providers=frozenset(of_gateway) if of_gateway else None,
        tokens=(a_token(providers=frozenset(of_token) if of_token else None),),
    )
    with refused(403, 2010):
        admission(gateway, OPENAI, WITH_TOKEN)


def test_no_providers_are_allowed_by_an_empty_list() -> None:
    with refused(403, 2010):
        admission(a_gateway(providers=frozenset()), OPENAI, WITH_TOKEN)


@pytest.mark.parametrize("limited", ["gateway", "token", "both"])
def test_a_gateway_or_a_token_may_be_limited_to_models(limited: str) -> None:
    models = ("gpt-realtime*", "fal-ai/*")
    gateway = a_gateway(
        models=models if limited != "token" else None,
        tokens=(a_token(models=models if limited != "gateway" else None),),
    )
    assert admission(gateway, OPENAI, WITH_TOKEN).gateway is gateway
    for target in ("openai?model=other", "openai", "openai?intent=transcription", "hume"):
        with refused(403, 2010):
            admission(gateway, f"/v1/acct/main/{target}", WITH_TOKEN)
    assert admission(gateway, "/v1/acct/main/fal/fal-ai/fast/realtime", WITH_TOKEN).token
    with refused(403, 2010):
        admission(gateway, "/v1/acct/main/fal/other/fast", WITH_TOKEN)


def test_a_model_has_to_be_allowed_by_gateway_and_token() -> None:
    gateway = a_gateway(models=("a*",), tokens=(a_token(models=("*b",)),))
    assert admission(gateway, "/v1/acct/main/openai?model=ab", WITH_TOKEN).token
    for model in ("a", "b"):
        with refused(403, 2010):
            admission(gateway, f"/v1/acct/main/openai?model={model}", WITH_TOKEN)


def test_a_model_that_stands_in_messages_is_read_there() -> None:
    keys = {("google", "default"): "sk"}
    limited = a_gateway(models=("models/gemini-*",), stored_keys=keys)
    target = "/v1/acct/main/google"
    (policy,) = admit(upgrade(target, WITH_TOKEN), limited).upstream.policies
    setup = '{"setup": {"model": "models/gemini-live"}}'
    assert policy(setup) == (setup,)
    with pytest.raises(RemoteProtocolError):
        policy('{"setup": {"model": "models/other"}}')
    free = a_gateway(stored_keys=keys)
    assert admit(upgrade(target, WITH_TOKEN), free).upstream.policies == ()


# --- accounts of a provider -----------------------------------------------------------------------

RESOURCE = "/v1/acct/main/azure/my-resource/openai/v1/realtime?model=m"


def test_a_client_names_an_account_beside_its_own_credential() -> None:
    gateway = a_gateway(stored_keys={("azure-openai", "default"): "sk-stored"})
    session = admit(upgrade(RESOURCE, WITH_TOKEN, "api-key: K"), gateway)
    assert session.upstream.origin.host == "my-resource.openai.azure.com"
    assert session.upstream.fields == ((b"api-key", b"K"),)


@pytest.mark.parametrize("name", ["cf-aig-authorization", "Authorization"])
@pytest.mark.parametrize("target", [RESOURCE, "/v1/acct/main/workers-ai/v1/mine/gw/workers-ai"])
def test_a_stored_key_goes_to_no_account_that_a_client_names(name: str, target: str) -> None:
    keys = {(each, "default"): "sk" for each in ("azure-openai", "workers-ai")}
    with refused(403, 2010):
        admit(upgrade(target, f"{name}: {TOKEN}"), a_gateway(stored_keys=keys))


def test_an_access_token_goes_as_a_bearer_token_wherever_keys_go() -> None:
    gateway = replace(a_gateway(), stored_key=lambda _provider, _alias: BearerToken(b"eyJ.x.y"))
    session = admit(upgrade("/v1/acct/main/azure", WITH_TOKEN), gateway, CONFIGURED)
    assert session.upstream.fields == ((b"authorization", b"Bearer eyJ.x.y"),)
    assert session.upstream.origin.host == "azure-openai.test"


@pytest.mark.parametrize(
    "line", ["Authorization: Bearer K", "Sec-WebSocket-Protocol: openai-insecure-api-key.K"]
)
def test_a_clients_credential_is_403_where_none_is_taken(line: str) -> None:
    gateway = a_gateway(client_credentials_allowed=False)
    assert admission(gateway, OPENAI, WITH_TOKEN).gateway is gateway
    assert admission(gateway, OPENAI, f"Authorization: Bearer {TOKEN}").gateway is gateway
    with refused(403, 2010):
        admission(gateway, OPENAI, WITH_TOKEN, line)


# --- stored keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ([], b"sk-default"),
        (["cf-aig-byok-alias: eu"], b"sk-eu"),
        (["CF-AIG-BYOK-Alias: default"], b"sk-default"),
        (["cf-aig-byok-alias: eu", "Connection: cf-aig-byok-alias"], b"sk-eu"),
    ],
)
def test_the_stored_key_of_an_alias_is_used(lines: list[str], key: bytes) -> None:
    session = admit(upgrade(OPENAI, WITH_TOKEN, *lines), a_gateway(stored_keys=STORED_KEYS))
    assert session.upstream.fields == ((b"authorization", b"Bearer " + key),)
    assert session.upstream.secrets == (Secret(key),)
    assert key.decode() not in repr(session)


@pytest.mark.parametrize("alias", ["unknown", "", "EU", "caf\xe9"])
def test_an_alias_without_a_stored_key_is_400(alias: str) -> None:
    with refused(400, 2040) as caught:
        admit(
            upgrade(OPENAI, WITH_TOKEN, f"cf-aig-byok-alias: {alias}"),
            a_gateway(stored_keys=STORED_KEYS),
        )
    assert caught.value.message == "openai has no stored key by that alias"


def test_two_aliases_are_400() -> None:
    with refused(400):
        admit(
            upgrade(OPENAI, WITH_TOKEN, "cf-aig-byok-alias: eu", "cf-aig-byok-alias: default"),
            a_gateway(stored_keys=STORED_KEYS),
        )


_SPEECH = "/v1/acct/main/elevenlabs/v1/text-to-speech/voice/stream-input"
_SPOKEN = '{"text": " ", "xi_api_key": "own"}'
_ELEVENLABS_KEY = {("elevenlabs", "default"): "sk"}


@pytest.mark.parametrize(
    ("gateway", "lines", "passes"),
    [
        ({"stored_keys": _ELEVENLABS_KEY}, [WITH_TOKEN], False),
        ({"stored_keys": _ELEVENLABS_KEY, "authentication_required": False}, [], False),
        ({"client_credentials_allowed": False}, [WITH_TOKEN], False),
        ({"client_credentials_allowed": False, "authentication_required": False}, [], False),
        ({}, [WITH_TOKEN], True),
        ({"stored_keys": _ELEVENLABS_KEY}, [WITH_TOKEN, "xi-api-key: own"], True),
        ({"authentication_required": False}, [], True),
    ],
)
def test_a_credential_in_a_message_passes_only_where_no_other_was_used(
    gateway: dict[str, object], lines: list[str], passes: bool
) -> None:
    session = admit(upgrade(_SPEECH, *lines), a_gateway(**gateway))  # type: ignore[arg-type]
    messages = [_SPOKEN]
    for policy in session.upstream.policies:
        messages = [str(after) for before in messages for after in policy(before)]
    assert messages == [_SPOKEN if passes else '{"text": " "}']


def test_where_nothing_was_authenticated_or_stored_messages_are_not_looked_at() -> None:
    session = admit(upgrade(_SPEECH), a_gateway(authentication_required=False))
    assert session.upstream.policies == ()


_OFFERS = (
    "Sec-WebSocket-Extensions: x-other, permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Extensions: permessage-deflate",
)


def test_compression_is_offered_where_the_gateway_carries_it_through() -> None:
    gateway = a_gateway(authentication_required=False, compression=True)
    session = admit(upgrade(OPENAI, "Authorization: Bearer K", *_OFFERS), gateway)
    assert [str(offer) for offer in session.upstream.compression] == [
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate",
    ]


@pytest.mark.parametrize("lines", [[], ["Sec-WebSocket-Extensions: x-other"]])
def test_no_compression_is_offered_that_the_client_did_not_offer(lines: list[str]) -> None:
    gateway = a_gateway(authentication_required=False, compression=True)
    session = admit(upgrade(OPENAI, "Authorization: Bearer K", *lines), gateway)
    assert session.upstream.compression == ()


@pytest.mark.parametrize(
    ("policy", "target"),
    [
        ({}, OPENAI),
        ({"compression": True, "messages_lane": True}, OPENAI),
        ({"compression": True, "client_credentials_allowed": False}, _SPEECH),
    ],
    ids=["off", "messages lane", "policies"],
)
def test_no_compression_is_offered_where_messages_are_read(
    policy: dict[str, object], target: str
) -> None:
    gateway = a_gateway(
        authentication_required=False,
        stored_keys={("openai", "default"): "k", **_ELEVENLABS_KEY},
        **policy,
    )
    assert admit(upgrade(target, *_OFFERS), gateway).upstream.compression == ()


def test_no_credential_at_all_is_401() -> None:
    with refused(401, 2041):
        admit(upgrade(OPENAI, WITH_TOKEN))


def test_a_public_endpoint_needs_no_credential() -> None:
    session = admit(upgrade("/v1/acct/main/elevenlabs?agent_id=A", WITH_TOKEN))
    assert session.upstream.fields == ()
    assert session.upstream.secrets == ()


def test_a_public_endpoint_gets_the_stored_key_if_there_is_one() -> None:
    gateway = a_gateway(stored_keys={("elevenlabs", "default"): "sk"})
    session = admit(upgrade("/v1/acct/main/elevenlabs?agent_id=A", WITH_TOKEN), gateway)
    assert session.upstream.fields == ((b"xi-api-key", b"sk"),)


def test_a_public_endpoint_refuses_an_alias_that_it_has_not() -> None:
    with refused(400, 2040):
        admit(upgrade("/v1/acct/main/elevenlabs", WITH_TOKEN, "cf-aig-byok-alias: eu"))


def test_the_clients_own_credential_goes_before_the_stored_key_and_its_alias() -> None:
    session = admit(
        upgrade(OPENAI, WITH_TOKEN, "Authorization: Bearer K", "cf-aig-byok-alias: unknown"),
        a_gateway(stored_keys=STORED_KEYS),
    )
    assert session.upstream.fields == ((b"authorization", b"Bearer K"),)


def test_a_stored_key_by_an_alias_of_the_provider_has_the_providers_name() -> None:
    gateway = a_gateway(stored_keys={("google", "default"): "a/b"})
    session = admit(upgrade("/v1/acct/main/google-ai-studio?x=1", WITH_TOKEN), gateway)
    assert session.upstream.target.endswith(b"?x=1&key=a%2Fb")


# --- what the provider is asked -------------------------------------------------------------------


@pytest.mark.parametrize(
    "nominated",
    ["authorization", "Authorization, cf-aig-authorization", "host, upgrade, sec-websocket-key"],
)
def test_connection_removes_neither_credentials_nor_our_own_field_lines(nominated: str) -> None:
    lines = [WITH_TOKEN, "Authorization: Bearer K", "User-Agent: sdk/1"]
    plain = admit(upgrade(OPENAI, *lines))
    stripped = admit(upgrade(OPENAI, *lines, f"Connection: {nominated}"))
    assert stripped.upstream_bytes == plain.upstream_bytes


def test_connection_removes_a_filled_in_credential_no_more_than_the_clients() -> None:
    session = admit(
        upgrade(OPENAI, f"Authorization: Bearer {TOKEN}", "Connection: authorization"),
        a_gateway(stored_keys=STORED_KEYS),
    )
    assert session.upstream.fields == ((b"authorization", b"Bearer sk-default"),)


def test_connection_removes_the_other_field_lines_that_it_names() -> None:
    session = admit(
        upgrade(
            OPENAI,
            WITH_TOKEN,
            "Authorization: Bearer K",
            "OpenAI-Beta: x",
            "User-Agent: sdk/1",
            "Connection: openai-BETA",
        )
    )
    assert session.upstream.fields == (
        (b"user-agent", b"sdk/1"),
        (b"authorization", b"Bearer K"),
    )


def with_provider(**changes: object) -> dict[str, Provider]:
    openai = PROVIDERS["openai"]
    given = {slot: getattr(openai, slot) for slot in Provider.__dataclass_fields__}
    return {"openai": Provider(**{**given, **changes})}


def test_configured_field_lines_are_added_in_the_place_of_the_clients() -> None:
    providers = with_provider(added_fields=((b"openai-project", b"ours"), (b"x-team", b"voice")))
    session = admit(
        upgrade(OPENAI, WITH_TOKEN, "Authorization: Bearer K", "OpenAI-Project: theirs"),
        providers=providers,
    )
    assert session.upstream.fields == (
        (b"authorization", b"Bearer K"),
        (b"openai-project", b"ours"),
        (b"x-team", b"voice"),
    )


BEARER = Slot(Kind.FIELD, "authorization", scheme="Bearer")
MOVED = with_provider(slots=(BEARER, Slot(Kind.QUERY, "token", becomes=BEARER)))


def test_a_forwarded_field_line_passes_as_it_came() -> None:
    providers = with_provider(fields=(b"x-tenant",))
    lines = [WITH_TOKEN, "Authorization: Bearer sk-own", "X-Tenant: a", "x-tenant: b", "x-team: c"]
    upstream = admit(upgrade(OPENAI, *lines), providers=providers).upstream
    assert [line for line in upstream.fields if line[0].startswith(b"x-")] == [
        (b"x-tenant", b"a"),
        (b"x-tenant", b"b"),
    ]


@pytest.mark.parametrize("value", [TOKEN, f"before {TOKEN} after", OTHER_TOKEN])
def test_a_gateway_token_in_a_forwarded_field_line_is_400(value: str) -> None:
    providers = with_provider(fields=(b"x-tenant",))
    lines = [WITH_TOKEN, "Authorization: Bearer sk-own", f"X-Tenant: {value}"]
    with refused(400, 2000):
        admit(upgrade(OPENAI, *lines), providers=providers)


def test_a_credential_may_move_from_the_query_into_a_field_line() -> None:
    session = admit(
        upgrade("/v1/acct/main/openai?token=a%2Fb&model=m", WITH_TOKEN), providers=MOVED
    )
    assert session.upstream.target == b"/v1/realtime?model=m"
    assert session.upstream.fields == ((b"authorization", b"Bearer a/b"),)


@pytest.mark.parametrize("value", ["a%0d%0aX-Injected:%201", "a%00", "%20a", "%E9", "a%7f"])
def test_a_credential_that_no_field_line_can_carry_is_400(value: str) -> None:
    with refused(400):
        admit(upgrade(f"/v1/acct/main/openai?token={value}", WITH_TOKEN), providers=MOVED)


def test_what_is_asked_is_shown_without_what_the_client_sent() -> None:
    lines = [WITH_TOKEN, "Authorization: Bearer sk-own", "User-Agent: sdk"]
    session = admit(upgrade(OPENAI, *lines))
    opening = session.opening
    again = upstream_request(session.admission, opening.fields, opening.credentials)
    assert again == session.upstream
    assert "sk-own" not in repr(session)
    assert TOKEN not in repr(session)
    assert "gpt-realtime" not in repr(session.upstream)
