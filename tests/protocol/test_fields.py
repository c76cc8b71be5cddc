from __future__ import annotations

import pytest

from relay.protocol.fields import answer_fields, list_members, request_fields, values


def test_values_are_those_of_every_line_of_the_name_in_order() -> None:
    fields = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert values(fields, b"a") == [b"1", b"3"]
    assert values(fields, b"c") == []


@pytest.mark.parametrize(
    ("lines", "members"),
    [
        ([], []),
        ([b""], []),
        ([b"a"], [b"a"]),
        ([b"a,b , c"], [b"a", b"b", b"c"]),
        ([b"a", b"b"], [b"a", b"b"]),
        ([b",, a\t,,", b"", b"\tb c"], [b"a", b"b c"]),  # RFC 9110 5.6.1.2: empty members
    ],
)
def test_a_list_is_read_over_all_its_field_lines(lines: list[bytes], members: list[bytes]) -> None:
    fields = [(b"connection", line) for line in lines] + [(b"upgrade", b"other")]
    assert list_members(fields, b"connection") == members


CLIENT_FIELDS = [
    (b"host", b"relay.test"),
    (b"user-agent", b"sdk/1"),
    (b"x-stainless-lang", b"python"),
    (b"x-fern-language", b"python"),
    (b"openai-beta", b"realtime=v1"),
    (b"openai-organization", b"org"),
    (b"origin", b"https://app.example.com"),
    (b"cookie", b"session=1"),
    (b"forwarded", b"for=1.2.3.4"),
    (b"x-forwarded-for", b"1.2.3.4"),
    (b"proxy-authorization", b"Basic eA=="),
    (b"cf-aig-authorization", b"Bearer t"),
    (b"cf-aig-byok-alias", b"eu"),
    (b"authorization", b"Bearer k"),
    (b"sec-websocket-extensions", b"permessage-deflate"),
    (b"x-unknown", b"1"),
    (b"openai", b"1"),
    (b"openai_beta", b"1"),
    (b"x-stainlessness", b"1"),
]


def test_only_listed_field_lines_pass_to_the_provider() -> None:
    passed = request_fields(CLIENT_FIELDS, [b"openai-*"])
    assert [name for name, _ in passed] == [
        b"user-agent",
        b"x-stainless-lang",
        b"x-fern-language",
        b"openai-beta",
        b"openai-organization",
    ]


def test_a_pattern_without_a_wildcard_is_the_whole_name() -> None:
    fields = [(b"cartesia-version", b"1"), (b"cartesia-version-2", b"2")]
    assert request_fields(fields, [b"cartesia-version"]) == [(b"cartesia-version", b"1")]


def test_field_lines_that_connection_names_stay_on_this_hop() -> None:
    fields = [
        (b"connection", b"Upgrade, USER-AGENT"),
        (b"user-agent", b"sdk/1"),
        (b"openai-beta", b"realtime=v1"),
        (b"connection", b"openai-project"),
        (b"openai-project", b"p"),
    ]
    assert request_fields(fields, [b"openai-*"]) == [(b"openai-beta", b"realtime=v1")]


PROVIDER_FIELDS = [
    (b"request-id", b"1"),
    (b"x-request-id", b"2"),
    (b"dg-request-id", b"3"),
    (b"content-type", b"text/plain"),
    (b"content-language", b"en"),
    (b"dg-error", b"no"),
    (b"retry-after", b"1"),
    (b"www-authenticate", b"Bearer"),
    (b"x-ratelimit-remaining", b"0"),
    (b"content-length", b"2"),
    (b"set-cookie", b"s=1"),
    (b"server", b"secret/1.0"),
    (b"location", b"https://elsewhere.test"),
    (b"alt-svc", b'h3=":443"'),
    (b"sec-websocket-accept", b"x"),
]


def test_ids_alone_pass_to_the_client_with_a_101() -> None:
    passed = answer_fields(PROVIDER_FIELDS, refusal=False)
    assert [name for name, _ in passed] == [b"request-id", b"x-request-id", b"dg-request-id"]


def test_a_refusal_passes_what_explains_it() -> None:
    passed = answer_fields(PROVIDER_FIELDS, refusal=True)
    assert passed == PROVIDER_FIELDS[:9]
