"""A record as a trace: a span for the session, and below it one for each turn.

Names and meanings are those of OpenTelemetry's semantic conventions for generative AI, as of the
version below; what they have no name for begins with ``relay.``. docs/telemetry.md lists all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from uuid import UUID

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from relay.host_port import host_and_port
from relay.latency import quantile
from relay.protocol import closing
from relay.protocol.usage import Turn, Usage
from relay.records.explanation import explain
from relay.records.session_record import Direction, Outcome, SessionRecord

__all__ = ["spans"]

_SCHEMA = "https://opentelemetry.io/schemas/1.41.0"  # the last one that has these conventions
_SESSION, _TURN = "realtime", "generate_content"  # gen_ai.operation.name; the second is theirs
_PROVIDERS = {  # gen_ai.provider.name, where they have one
    "azure-openai": "azure.ai.openai",
    "google": "gcp.gemini",
    "google-vertex-ai": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INPUT = ("input_text_tokens", "input_audio_tokens", "input_image_tokens")
_CACHED = ("cached_text_tokens", "cached_audio_tokens", "cached_image_tokens")
_OUTPUT = ("output_text_tokens", "output_audio_tokens", "output_image_tokens")

# Made as they are, and not by the SDK's providers, which obey OTEL_* of the environment.
_RESOURCE = Resource(
    {"service.name": "realtime-relay", "service.version": version("realtime-relay")}
)
_SCOPE = InstrumentationScope("relay", version("realtime-relay"), _SCHEMA)

_Attributes = dict[str, AttributeValue]


def spans(record: SessionRecord) -> list[ReadableSpan]:
    """The spans of a record, the session's first; equal records have equal ids."""
    began = (record.began_at - _EPOCH) // timedelta(microseconds=1) * 1000
    opened = began + _nanoseconds(sum(record.steps.values()))
    ended = opened + _nanoseconds(record.duration)
    trace = UUID(record.id).int if record.trace_id is None else int(record.trace_id, 16)
    session = _context(trace, _span_id(record, 0))
    parent = None
    if record.parent_span_id is not None:
        parent = _context(trace, int(record.parent_span_id, 16), is_remote=True)
    found = [
        _span(
            _named(_SESSION, record.model),
            SpanKind.SERVER,
            session,
            parent,
            (began, ended),
            _of_session(record),
            _status(record),
        )
    ]
    for number, turn in enumerate(record.turns, 1):
        cut_off = turn.ended is None and _error(record) is not None
        turn_ended = ended if turn.ended is None else opened + _nanoseconds(turn.ended)
        found.append(
            _span(
                _named(_TURN, record.model),
                SpanKind.CLIENT,
                _context(trace, _span_id(record, number)),
                session,
                (opened + _nanoseconds(turn.began), turn_ended),
                _of_turn(record, number, turn, cut_off),
                _status(record) if cut_off else Status(),
            )
        )
    return found


def _span(
    name: str,
    kind: SpanKind,
    context: SpanContext,
    parent: SpanContext | None,
    times: tuple[int, int],
    attributes: Mapping[str, AttributeValue],
    status: Status,
) -> ReadableSpan:
    return ReadableSpan(
        name=_text(name),
        context=context,
        parent=parent,
        resource=_RESOURCE,
        attributes={
            _text(each): _text(value) if isinstance(value, str) else value
            for each, value in attributes.items()
        },
        kind=kind,
        status=status,
        start_time=times[0],
        end_time=times[1],
        instrumentation_scope=_SCOPE,
    )


def _of_session(record: SessionRecord) -> _Attributes:
    attributes = _common(record, _SESSION) | {
        "client.address": record.client_address,
        "user_agent.original": record.user_agent,
        "http.response.status_code": record.status or None,
        "error.type": _error(record),
        "relay.gateway": record.gateway,
        "relay.token": record.token,
        "relay.endpoint": record.endpoint,
        "relay.lane": record.lane,
        "relay.compressed": record.compressed,
        "relay.outcome": record.outcome.value,
        "relay.ended_by": record.ended_by,
        "relay.cause": record.cause,
        "relay.explanation": explain(record),
        "relay.error": record.error,
        "relay.code": record.code,
        "relay.duration": record.duration,
        "relay.first_message": record.first_message,
        "relay.first_audio": record.first_audio,
        "relay.turns": len(record.turns) + record.turns_dropped,
        "relay.usage_missing": record.usage_missing,
        "gen_ai.usage.cost": _number(record.cost),
    }
    for step, took in record.steps.items():
        attributes[f"relay.opening.{step}"] = took
    for side, direction in (("client", record.client), ("provider_side", record.provider_side)):
        attributes |= _of_direction(f"relay.{side}", direction)
    attributes |= _of_latency(record.added_latency)
    if record.usage is not None:
        attributes |= _of_usage(sum((work.usage for work in record.usage), Usage()))
        models = {work.model for work in record.usage}
        if len(models) == 1:
            attributes["gen_ai.response.model"] = models.pop()
    for name, value in record.metadata.items():
        attributes[f"relay.metadata.{name}"] = value
    return _known(attributes)


def _of_turn(record: SessionRecord, number: int, turn: Turn, cut_off: bool) -> _Attributes:
    attributes = _common(record, _TURN) | {
        "gen_ai.response.model": turn.model,
        "gen_ai.usage.cost": _number(turn.cost),
        "error.type": _error(record) if cut_off else None,
        "relay.turn.number": number,
        "relay.turn.interrupted": turn.interrupted,
        "relay.turn.ended": turn.ended is not None,
    }
    if turn.first_audio is not None:
        attributes["relay.turn.first_audio"] = turn.first_audio - turn.began
    if turn.usage is not None:
        attributes |= _of_usage(turn.usage)
    return _known(attributes)


def _common(record: SessionRecord, operation: str) -> dict[str, AttributeValue | None]:
    address = host_and_port(record.upstream)
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(record.provider, record.provider),
        "gen_ai.conversation.id": record.id,
        "gen_ai.request.model": record.model,
        "server.address": address and address[0],
        "server.port": address and address[1],
        "relay.provider": record.provider,
    }


def _of_direction(prefix: str, direction: Direction) -> dict[str, AttributeValue | None]:
    return {f"{prefix}.{name}": getattr(direction, name) for name in Direction.__slots__}


def _of_usage(usage: Usage) -> dict[str, AttributeValue | None]:
    """What was used: all units, and their sums as the conventions have them."""
    counted = usage.counted()
    units: dict[str, AttributeValue | None] = {
        f"relay.usage.{unit}": _number(count) for unit, count in counted.items()
    }
    if any(unit.endswith("_tokens") for unit in counted):
        cached, thoughts = _sum(usage, _CACHED), usage.thoughts_tokens
        units["gen_ai.usage.input_tokens"] = _sum(usage, _INPUT) + cached
        units["gen_ai.usage.output_tokens"] = _sum(usage, _OUTPUT) + thoughts
        units["gen_ai.usage.cache_read.input_tokens"] = cached or None
        units["gen_ai.usage.reasoning.output_tokens"] = thoughts or None
    return units


def _of_latency(counts: tuple[int, ...]) -> dict[str, AttributeValue | None]:
    total = sum(counts)
    if not total:
        return {}
    return {
        "relay.added_latency.chunks": total,
        "relay.added_latency.p50": quantile(counts, 0.5),
        "relay.added_latency.p99": quantile(counts, 0.99),
    }


def _error(record: SessionRecord) -> str | None:
    """``error.type``: the status of a refusal, or the cause of an end that is nobody's wish."""
    if record.outcome is Outcome.REFUSED:
        return str(record.status)
    if record.outcome is Outcome.BROKEN or record.cause == closing.FAULT.name:
        return record.cause
    return None


def _status(record: SessionRecord) -> Status:
    if _error(record) is None:
        return Status()
    return Status(StatusCode.ERROR, _text(explain(record)))


def _context(trace_id: int, span_id: int, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote, TraceFlags(TraceFlags.SAMPLED))


def _span_id(record: SessionRecord, number: int) -> int:
    """The same each time, so that spans that are sent again are known; never 0."""
    digest = hashlib.sha256(f"{record.id} {number}".encode()).digest()
    return int.from_bytes(digest[:8]) or 1


def _named(operation: str, model: str | None) -> str:
    return operation if model is None else f"{operation} {model}"


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _number(value: Decimal | int | None) -> float | int | None:
    return float(value) if isinstance(value, Decimal) else value


def _sum(usage: Usage, units: Iterable[str]) -> int:
    return sum(getattr(usage, unit) for unit in units)


def _known(attributes: Mapping[str, AttributeValue | None]) -> _Attributes:
    return dict(_not_empty(attributes))


def _not_empty(
    attributes: Mapping[str, AttributeValue | None],
) -> Iterator[tuple[str, AttributeValue]]:
    for name, value in attributes.items():
        if value is not None and value != "":
            yield name, value


def _text(value: str) -> str:
    """What UTF-8 can carry: a lone surrogate, which JSON can name, becomes a question mark."""
    return value.encode("utf-8", "replace").decode()
