from __future__ import annotations

import json

import pytest

from relay.protocol import ProviderRefused, Refused, refusal


def test_a_refusal_is_json_in_the_documented_form() -> None:
    answer = refusal(Refused(401, 2009, 'a "gateway token" is needed'), "0190-id")
    assert answer.status == 401
    assert json.loads(answer.body) == {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": 2009, "message": 'a "gateway token" is needed'}],
    }


def test_a_refusal_names_the_session_and_says_that_it_is_ours() -> None:
    answer = refusal(Refused(429, 2003, "full", fields=(("Retry-After", "7"),)), "0190-id")
    assert answer.fields == [
        ("Retry-After", "7"),
        ("cf-aig-log-id", "0190-id"),
        ("Proxy-Status", 'relay; error=http_request_denied; details="2003"'),
        ("Content-Type", "application/json"),
    ]


def test_a_fault_of_the_providers_side_has_its_own_proxy_error() -> None:
    refused = Refused(504, 2101, "too slow", proxy_error="http_response_timeout")
    fields = dict(refusal(refused, "id").fields)
    assert fields["Proxy-Status"] == 'relay; error=http_response_timeout; details="2101"'


@pytest.mark.parametrize("body", [b"", b'{"error":"x"}'])
def test_a_providers_refusal_is_passed_on_with_its_own_body(body: bytes) -> None:
    refused = ProviderRefused(403, "no", fields=(("content-type", "text/html"),), body=body)
    answer = refusal(refused, "0190-id")
    assert (answer.status, answer.body) == (403, body)
    assert answer.fields == [
        ("content-type", "text/html"),
        ("cf-aig-log-id", "0190-id"),
        ("Proxy-Status", "relay; received-status=403"),
    ]


def test_a_providers_refusal_whose_body_cannot_be_shown_has_ours() -> None:
    answer = refusal(ProviderRefused(403, "no; hidden", fields=(), body=None), "id")
    assert answer.status == 403
    assert json.loads(answer.body)["error"] == [{"code": 2100, "message": "no; hidden"}]
    assert ("Proxy-Status", "relay; received-status=403") in answer.fields
    assert ("Content-Type", "application/json") in answer.fields
