"""Refusals: who refused, and what the body says."""

from __future__ import annotations

import json

import pytest

from relay.client import Rejected, Rejection, read_rejection
from relay.protocol import ProviderRefused, Refused, refusal

_RELAY = [("proxy-status", 'relay; error=http_request_denied; details="2009"')]


def test_the_relays_own_refusals_are_told_from_the_providers() -> None:
    for refused, source in (
        (Refused(401, 2009, "a token is needed"), "the relay"),
        (Refused(502, 2100, "no such host", proxy_error="dns_error"), "the relay"),
        (ProviderRefused(401, "bad key", fields=(), body=None), "the provider"),
    ):
        answer = refusal(refused, "id")
        fields = [(name.lower(), value) for name, value in answer.fields]
        read = read_rejection(Rejected(answer.status, fields, answer.body))
        assert read == Rejection(source, refused.message, str(refused.code))
    assert read_rejection(Rejected(404, [], b"")).source == "an unknown server (no Proxy-Status)"


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (
            {"error": {"message": "m", "type": "t", "code": "invalid_api_key"}},
            "m",
            "invalid_api_key",
        ),
        ({"error": {"message": "m", "code": None}}, "m", ""),
        ({"error": {"code": 403, "message": "m", "status": "PERMISSION_DENIED"}}, "m", "403"),
        ({"error_code": "c", "title": "Unauthorized", "message": "m"}, "m", "c"),
        ({"detail": {"status": "invalid_api_key", "message": "m"}}, "m", "invalid_api_key"),
        ({"detail": "Not Found"}, "Not Found", ""),
        ({"error": "leak: header x"}, "leak: header x", ""),
        ({"detail": [{"loc": ["query"], "msg": "field required"}]}, "field required", ""),
        ([{"error": {"code": 400, "message": "m"}}], "m", "400"),
        ("only text", "only text", ""),
    ],
)
def test_an_error_is_found_in_the_json_of_each_provider(
    body: object, message: str, code: str
) -> None:
    read = read_rejection(Rejected(400, _RELAY, json.dumps(body).encode()))
    assert (read.message, read.code) == (message, code)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b" <h1>no</h1>\n", "<h1>no</h1>"),
        (b"\xff", "�"),
        (b"x" * 1000, "x" * 200),
        (b'{"a": 1}', '{"a": 1}'),
        (b'{"error": []}', '{"error": []}'),
        (b"[" * 100_000, "[" * 200),
        (b"7", "7"),
        (json.dumps({"message": "y" * 1000}).encode(), "y" * 200),
    ],
)
def test_a_body_without_an_error_is_shown_as_it_begins(body: bytes, message: str) -> None:
    assert read_rejection(Rejected(400, _RELAY, body)) == Rejection("the relay", message, "")
