"""Tests of relay.protocol.meters.catalogue, and of what endpoints say of their meters."""

from __future__ import annotations

from relay.protocol import CATALOGUE
from relay.protocol.meters.catalogue import BY_MODEL, METERS

USED = {endpoint.meter for provider in CATALOGUE for endpoint in provider.endpoints} - {None}


def test_every_meter_that_an_endpoint_names_is_there_and_every_one_is_used() -> None:
    by_model = {meter for models in BY_MODEL.values() for meter in models.values()}
    assert METERS.keys() | BY_MODEL.keys() == USED
    assert by_model <= METERS.keys()


def test_only_these_endpoints_have_none() -> None:
    without = [
        (provider.name, endpoint.path)
        for provider in CATALOGUE
        for endpoint in provider.endpoints
        if endpoint.meter is None
    ]
    assert without == [
        ("openai", "/v1/live/sessions/{session}/attach"),
        ("azure-openai", "/openai/v1/live/sessions/{session}/attach"),
        ("fal", "/{model*}/realtime"),
        ("fal", "/{model*}"),
    ]


def test_an_endpoint_at_another_url_has_the_meter_of_the_one_that_it_is_like() -> None:
    openai = CATALOGUE[0].at("ws://127.0.0.1:9000/v1/realtime")
    assert [endpoint.meter for endpoint in openai.endpoints] == ["openai-realtime"]
    assert CATALOGUE[0].at("ws://127.0.0.1:9000").endpoints[-1].meter == "openai-responses"
