"""Tests of relay.records.spans: what a collector gets of a record, attribute by attribute."""

from __future__ import annotations

import re
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from relay.latency import BOUNDS
from relay.protocol import CATALOGUE, closing
from relay.protocol.usage import Turn, Usage
from relay.records.explanation import CLOSED, VANISHED
from relay.records.session_record import Direction, Outcome, SessionRecord, Work
from relay.records.spans import spans
from tests.records.collector import values
from tests.records.samples import BEGAN, a_record

NOON = int(BEGAN.timestamp()) * 10**9
ID = "019a2b3c-0000-7000-8000-00000000000a"
DOCS = Path(__file__).parents[2] / "docs" / "telemetry.md"


def sent(record: SessionRecord) -> ResourceSpans:
    """What goes over the wire."""
    (resource,) = encode_spans(spans(record)).resource_spans
    return resource


def traced(record: SessionRecord) -> list[Span]:
    (scope,) = sent(record).scope_spans
    return list(scope.spans)


def session_of(**changes: object) -> tuple[Span, dict[str, object]]:
    span = traced(a_record(**changes))[0]  # type: ignore[arg-type]
    return span, values(span.attributes)


def full() -> SessionRecord:
    """A record in which nothing is unknown."""
    return a_record(
        id=ID,
        cause=VANISHED,
        outcome=Outcome.BROKEN,
        ended_by="provider",
        error="an error",
        code=2100,
        compressed=True,
        cost=Decimal("0.25"),
        usage=(
            Work("m", Usage(input_text_tokens=1, cached_audio_tokens=2, output_audio_tokens=4)),
            Work("m", Usage(thoughts_tokens=8, session_seconds=Decimal("1.5"))),
        ),
        usage_missing="not reported",
        added_latency=(98, 1, *(0,) * 14, 1),
        client=Direction(4, 3, 1000, 512, 1.5, 0.25, 1000, "bye", 1011, "lost", 12.25),
        provider_side=Direction(9, 8, 9000, 600, 2.5, 0.5, 1001, "gone", 1002, "no", 12.5),
        turns=[
            Turn(0.5, 0.75, 1.0, True, "m-1", Usage(output_text_tokens=7), Decimal("0.125")),
            Turn(5.0),
        ],
    )


def test_every_attribute_of_a_session() -> None:
    span = traced(full())[0]
    assert span.name == "realtime gpt-realtime"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (NOON, NOON + 12_521_000_000)
    said = (
        "the provider vanished without a Close after 12.5 s, an error, "
        "and the client closed with 1000 bye before it was told"
    )
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, said)
    assert values(span.attributes) == {
        "gen_ai.operation.name": "realtime",
        "gen_ai.provider.name": "openai",
        "gen_ai.conversation.id": ID,
        "gen_ai.request.model": "gpt-realtime",
        "gen_ai.response.model": "m",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "gen_ai.usage.cost": 0.25,
        "server.address": "api.openai.com",
        "server.port": 443,
        "client.address": "192.0.2.7",
        "user_agent.original": "test",
        "http.response.status_code": 101,
        "error.type": "vanished",
        "relay.provider": "openai",
        "relay.gateway": "acct/main",
        "relay.token": "web",
        "relay.endpoint": "/v1/realtime",
        "relay.lane": "verbatim",
        "relay.compressed": True,
        "relay.outcome": "broken",
        "relay.ended_by": "provider",
        "relay.cause": "vanished",
        "relay.explanation": said,
        "relay.error": "an error",
        "relay.code": 2100,
        "relay.duration": 12.5,
        "relay.first_message": 0.1,
        "relay.first_audio": 0.25,
        "relay.turns": 2,
        "relay.opening.head": 0.001,
        "relay.opening.connect": 0.02,
        "relay.client.frames": 4,
        "relay.client.messages": 3,
        "relay.client.bytes": 1000,
        "relay.client.largest_message": 512,
        "relay.client.slowest_message": 1.5,
        "relay.client.waited": 0.25,
        "relay.client.close_code": 1000,
        "relay.client.close_reason": "bye",
        "relay.client.told_code": 1011,
        "relay.client.told_reason": "lost",
        "relay.client.last_activity": 12.25,
        "relay.provider_side.frames": 9,
        "relay.provider_side.messages": 8,
        "relay.provider_side.bytes": 9000,
        "relay.provider_side.largest_message": 600,
        "relay.provider_side.slowest_message": 2.5,
        "relay.provider_side.waited": 0.5,
        "relay.provider_side.close_code": 1001,
        "relay.provider_side.close_reason": "gone",
        "relay.provider_side.told_code": 1002,
        "relay.provider_side.told_reason": "no",
        "relay.provider_side.last_activity": 12.5,
        "relay.added_latency.chunks": 100,
        "relay.added_latency.p50": BOUNDS[0],
        "relay.added_latency.p99": BOUNDS[1],
        "relay.usage.input_text_tokens": 1,
        "relay.usage.cached_audio_tokens": 2,
        "relay.usage.output_audio_tokens": 4,
        "relay.usage.thoughts_tokens": 8,
        "relay.usage.session_seconds": 1.5,
        "relay.usage_missing": "not reported",
        "relay.metadata.team": "voice",
        "relay.metadata.beta": True,
        "relay.metadata.n": 1,
        "relay.metadata.share": 0.5,
    }


def test_every_attribute_of_a_turn() -> None:
    session, first, second = traced(full())
    common = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "openai",
        "gen_ai.conversation.id": ID,
        "gen_ai.request.model": "gpt-realtime",
        "server.address": "api.openai.com",
        "server.port": 443,
        "relay.provider": "openai",
    }
    for span in (first, second):
        assert span.name == "generate_content gpt-realtime"
        assert span.kind == Span.SPAN_KIND_CLIENT
        assert (span.trace_id, span.parent_span_id) == (session.trace_id, session.span_id)
    opened = NOON + 21_000_000
    assert first.start_time_unix_nano == opened + 500_000_000
    assert first.end_time_unix_nano == opened + 1_000_000_000
    assert first.status == Status()
    assert values(first.attributes) == {
        **common,
        "gen_ai.response.model": "m-1",
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cost": 0.125,
        "relay.usage.output_text_tokens": 7,
        "relay.turn.number": 1,
        "relay.turn.interrupted": True,
        "relay.turn.ended": True,
        "relay.turn.first_audio": 0.25,
    }
    assert second.start_time_unix_nano == opened + 5_000_000_000
    assert second.end_time_unix_nano == session.end_time_unix_nano
    assert second.status == session.status
    assert values(second.attributes) == {
        **common,
        "error.type": "vanished",
        "relay.turn.number": 2,
        "relay.turn.interrupted": False,
        "relay.turn.ended": False,
    }


def test_who_sent_it() -> None:
    resource = sent(full())
    assert values(resource.resource.attributes) == {
        "service.name": "realtime-relay",
        "service.version": version("realtime-relay"),
    }
    assert resource.scope_spans[0].scope.name == "relay"
    assert resource.scope_spans[0].schema_url.endswith("/schemas/1.41.0")


def test_what_is_not_known_is_not_said() -> None:
    record = SessionRecord(id=ID, began_at=BEGAN, gateway="acct/main", provider="local")
    record.status = 0
    (span,) = traced(record)
    assert span.name == "realtime"
    counts = ("frames", "messages", "bytes", "largest_message", "slowest_message", "waited")
    sides = ("client", "provider_side")
    assert set(values(span.attributes)) == {
        *("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.conversation.id"),
        *("relay.provider", "relay.gateway", "relay.lane", "relay.compressed", "relay.outcome"),
        *("relay.explanation", "relay.duration", "relay.turns"),
        *(f"relay.{side}.{count}" for side in sides for count in counts),
    }


def test_the_trace_is_the_sessions_own_or_the_clients() -> None:
    session, turn, _ = traced(a_record(id=ID))
    assert session.trace_id == turn.trace_id == bytes.fromhex(ID.replace("-", ""))
    assert session.parent_span_id == b""
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    mine, my_turn, _ = traced(a_record(id=ID, trace_id=trace, parent_span_id=parent))
    assert mine.trace_id.hex() == my_turn.trace_id.hex() == trace
    assert mine.parent_span_id.hex() == parent
    assert mine.span_id == session.span_id
    assert traced(a_record(trace_id=trace))[0].parent_span_id == b""
    assert mine.flags & 0x200  # SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
    assert not my_turn.flags & 0x200


def test_ids_are_the_same_each_time_and_each_its_own() -> None:
    record = full()
    assert sent(record) == sent(record)
    ids = [span.span_id for each in (record, a_record(), a_record()) for span in traced(each)]
    assert len(set(ids)) == len(ids) == 9
    assert all(any(each) for each in ids)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"outcome": Outcome.COMPLETED, "cause": CLOSED}, None),
        ({"outcome": Outcome.ENDED, "cause": closing.IDLE.name}, None),
        ({"outcome": Outcome.ABANDONED, "cause": "", "status": 0}, None),
        ({"outcome": Outcome.ENDED, "cause": closing.FAULT.name}, closing.FAULT.name),
        ({"outcome": Outcome.BROKEN, "cause": VANISHED}, VANISHED),
        ({"outcome": Outcome.REFUSED, "status": 429, "cause": ""}, "429"),
    ],
)
def test_errors_are_what_nobody_wished_for(changes: dict[str, object], error: str | None) -> None:
    span, attributes = session_of(**changes)
    assert attributes.get("error.type") == error
    assert (span.status.code == Status.STATUS_CODE_ERROR) is (error is not None)
    assert span.status.message == (attributes["relay.explanation"] if error else "")


def test_a_refusal_lasts_as_long_as_its_steps() -> None:
    record = a_record(outcome=Outcome.REFUSED, status=401, duration=0.0, turns=[], upstream="")
    (span,) = traced(record)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 21_000_000
    attributes = values(span.attributes)
    assert attributes["http.response.status_code"] == 401
    assert "server.address" not in attributes


def test_providers_have_the_names_of_the_conventions() -> None:
    names = {
        each.name: session_of(provider=each.name)[1]["gen_ai.provider.name"] for each in CATALOGUE
    }
    assert {name: theirs for name, theirs in names.items() if name != theirs} == {
        "azure-openai": "azure.ai.openai",
        "google": "gcp.gemini",
        "google-vertex-ai": "gcp.vertex_ai",
        "mistral": "mistral_ai",
        "xai": "x_ai",
    }


def test_only_tokens_are_tokens_and_several_models_are_none() -> None:
    works = (Work("a", Usage(input_characters=5)), Work("b", Usage(input_characters=6)))
    _, attributes = session_of(usage=works)
    assert attributes["relay.usage.input_characters"] == 11
    assert not [name for name in attributes if name.startswith("gen_ai.usage.")]
    assert "gen_ai.response.model" not in attributes


@pytest.mark.parametrize(
    ("counts", "p50", "p99"),
    [
        ((), None, None),
        ((0,) * 17, None, None),
        ((1, *(0,) * 16), BOUNDS[0], BOUNDS[0]),
        ((50, 50, *(0,) * 15), BOUNDS[0], BOUNDS[1]),
        ((*(0,) * 16, 1), BOUNDS[-1], BOUNDS[-1]),
    ],
)
def test_added_latency(counts: tuple[int, ...], p50: float | None, p99: float | None) -> None:
    _, attributes = session_of(added_latency=counts)
    assert attributes.get("relay.added_latency.p50") == p50
    assert attributes.get("relay.added_latency.p99") == p99


def test_text_that_utf_8_cannot_carry() -> None:
    span, attributes = session_of(model="a\ud800", metadata={"b\udfff": "c\ud800"})
    assert span.name == "realtime a?"
    assert attributes["gen_ai.request.model"] == "a?"
    assert attributes["relay.metadata.b?"] == "c?"


def test_an_ipv6_address() -> None:
    _, attributes = session_of(upstream="[::1]:8443")
    assert (attributes["server.address"], attributes["server.port"]) == ("::1", 8443)


def test_the_documentation_names_all_of_them() -> None:
    documented = set(re.findall(r"`((?:[a-z_]+\.)+[a-zA-Z_0-9]+)`", DOCS.read_text()))
    sent_ones = {name for span in traced(full()) for name in values(span.attributes)}
    prefixes = ("relay.client.", "relay.provider_side.", "relay.usage.", "relay.metadata.")
    for name in sent_ones:
        if name.startswith(prefixes):
            kind = name.split(".")[1]
            assert f"relay.{kind}.NAME" in documented or f"relay.{kind}.KEY" in documented
        elif name.startswith("relay.opening."):
            assert "relay.opening.STEP" in documented
        else:
            assert name in documented, name
