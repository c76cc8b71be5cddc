"""Relays on which much is going on, for the page to show."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from relay.last_hour import STEP, LastHour, Refusal, Step
from relay.latency import BOUNDS
from relay.live_sessions import Glance, LiveState
from relay.protocol import Cause
from relay.protocol.usage import Turn, Usage
from relay.records.session_record import Direction, Outcome, SessionRecord, Work
from relay.records.totals import DayTotal
from tests.admin.fakes import History, Relay

__all__ = ["HOSTILE", "busy", "days", "ended", "many", "session_id"]

HOSTILE = """<img src=x onerror="document.title='owned'">"""
_NOW = datetime.now(UTC)
_GATEWAYS = (("shop/voice", "web"), ("shop/voice", "phone"), ("support/eu", "agents"))
_MODELS = (
    ("openai", "/v1/realtime", "gpt-realtime"),
    ("google", "/ws/{service}.BidiGenerateContent", "gemini-2.5-flash-live"),
    ("elevenlabs", "/v1/convai/conversation", None),
    ("deepgram", "/v1/listen", "nova-3"),
    ("cartesia", "/tts/websocket", "sonic-2"),
)
_STATES = (
    *(LiveState.TALKING,) * 18,
    *(LiveState.SILENT,) * 30,
    LiveState.OPENING,
    LiveState.CLOSING,
)


def _dice(seed: int) -> random.Random:
    """Chance that is the same each time."""
    return random.Random(seed)  # noqa: S311 - no secret


def session_id(number: int) -> str:
    """The id of the session with that number."""
    return f"019a2c4e-7b10-7c00-8000-{number:012x}"


def _record(dice: random.Random, number: int, **changes: Any) -> SessionRecord:
    gateway, token = dice.choice(_GATEWAYS)
    provider, endpoint, model = dice.choice(_MODELS)
    latency = [0] * (len(BOUNDS) + 1)
    latency[1:6] = (dice.randrange(90, 900), *(dice.randrange(most) for most in (700, 90, 9, 2)))
    facts: dict[str, Any] = {
        "id": session_id(number),
        "began_at": _NOW - timedelta(seconds=7 * number),
        "gateway": gateway,
        "provider": provider,
        "endpoint": endpoint,
        "model": model,
        "token": token,
        "client_address": f"10.20.{dice.randrange(8)}.{dice.randrange(1, 255)}",
        "added_latency": tuple(latency),
        "client": Direction(bytes=dice.randrange(2_000_000), messages=dice.randrange(900)),
        "provider_side": Direction(bytes=dice.randrange(9_000_000), messages=dice.randrange(900)),
    }
    return SessionRecord(**(facts | changes))


class _Running:
    """A session that goes on: it grows older, and what talks sends.

    Args:
        seen: What it is at first.
        rates: Bytes a second from the client and from the provider.
        ended: Gets what it is ended with.
    """

    def __init__(
        self, seen: Glance, rates: tuple[int, int], ended: list[tuple[str, Cause]]
    ) -> None:
        self._seen = seen
        self._rates = rates
        self._ended = ended
        self._since = time.monotonic()
        self.id = seen.record.id

    def glance(self) -> Glance:
        seen, passed = self._seen, time.monotonic() - self._since
        silent = seen.silent_for
        return seen._replace(
            duration=seen.duration + passed,
            bytes_in=seen.bytes_in + round(passed * self._rates[0]),
            bytes_out=seen.bytes_out + round(passed * self._rates[1]),
            silent_for=silent + passed if silent and not seen.talks else silent,
        )

    def snapshot(self) -> SessionRecord:
        return self._seen.record

    def tail(self, *, content: bool) -> None:  # noqa: ARG002
        return None

    def end(self, cause: Cause) -> bool:
        self._ended.append((self.id, cause))
        return True


def _glance(dice: random.Random, record: SessionRecord, state: LiveState) -> Glance:
    age = 2 + dice.expovariate(1 / 240)
    if state is LiveState.OPENING:
        return Glance(record, state, dice.uniform(0, 3))
    talks = dice.choice(("client", "provider", "both")) if state is LiveState.TALKING else None
    return Glance(
        record,
        state,
        age,
        talks,
        0.2 if talks else dice.uniform(1, min(age, 90)),
        round(age * dice.uniform(3_000, 24_000)),
        round(age * dice.uniform(9_000, 48_000)),
        round(age * 10),
        round(age * 14),
        record.added_latency,
        dice.uniform(0.2, 1.1),
    )


def many(count: int, *, last_model: str | None = None) -> Relay:
    """A relay with that many live sessions, of which the last may have a model of its own."""
    dice = _dice(5)
    relay = Relay()
    for number in range(count):
        changes = {"model": last_model} if last_model and number == count - 1 else {}
        record = _record(dice, number, **changes)
        seen = _glance(dice, record, dice.choice(_STATES))
        record.began_at = _NOW - timedelta(seconds=seen.duration)
        rates = {"client": (32_000, 0), "provider": (0, 48_000), "both": (32_000, 48_000)}
        relay.live.add(_Running(seen, rates.get(seen.talks or "", (0, 0)), relay.ended))
    return relay


def ended() -> SessionRecord:
    """A conversation with an interruption, which the provider ended."""
    usage = Usage(input_text_tokens=212, input_audio_tokens=1840, output_audio_tokens=3105)
    turns = [
        Turn(1.1, 1.52, 4.9, cost=Decimal("0.0621")),
        Turn(7.8, 8.13, 13.2, cost=Decimal("0.0874")),
        Turn(15.0, 15.61, 17.4, interrupted=True, cost=Decimal("0.0312")),
        Turn(18.9, 19.3, 25.8, cost=Decimal("0.1014")),
    ]
    return _record(
        _dice(1),
        0xFFF,
        gateway="shop/voice",
        token="web",
        provider="openai",
        endpoint="/v1/realtime",
        model="gpt-realtime",
        user_agent="python-openai/2.6",
        metadata={"user": "anna", "team": "voice"},
        upstream="api.openai.com:443",
        steps={
            "head": 0.0049,
            "authorise": 0.0006,
            "connect": 0.0212,
            "upstream_tls": 0.0431,
            "upstream": 0.0955,
            "answer": 0.0004,
        },
        first_message=0.0312,
        first_audio=1.52,
        duration=28.4,
        client=Direction(912, 911, 1_420_551, 7_812),
        provider_side=Direction(
            398, 397, 2_211_904, 21_733, close_code=3000, close_reason="insufficient_quota"
        ),
        usage=(Work("gpt-realtime", usage, Decimal("0.2821")),),
        cost=Decimal("0.2821"),
        prices="2026-11-20",
        turns=turns,
        ended_by="provider",
        cause="closed",
    )


def _an_hour(relay: Relay) -> LastHour:
    """One in which a provider refused for some minutes, and sessions grew more."""
    dice = _dice(3)
    hour = LastHour(relay)
    sessions, now = 40.0, _NOW.timestamp()
    for number in range(360):
        sessions = max(sessions + dice.uniform(-3, 3.35), 0)
        quota = 4 + dice.randrange(4) if 150 < number < 190 else 0
        refusals = {
            Refusal("provider", 429, None): quota,
            Refusal("relay", 401, 2009): int(dice.random() > 0.93),
            Refusal("relay", 504, 2101): int(dice.random() > 0.97) * 2,
        }
        wait = 0.34 + dice.uniform(0, 0.05)
        hour.steps.append(
            Step(
                ended_at=now - STEP * (359 - number),
                sessions=round(sessions),
                openings=dice.randrange(2, 5),
                ended=3,
                bytes_in=round(sessions * 31_000 * STEP),
                bytes_out=round(sessions * dice.uniform(70_000, 82_000) * STEP),
                refusals={kind: count for kind, count in refusals.items() if count},
                first_audio=(wait, wait * dice.uniform(1.9, 2.2)),
                added_latency=(33e-6, 66e-6, 131e-6 if dice.random() > 0.1 else 262e-6),
            )
        )
    return hour


def days() -> list[DayTotal]:
    """Two weeks of two gateways and three providers, one of which has no price."""
    dice = _dice(4)
    return [
        DayTotal(
            day=(_NOW - timedelta(days=ago)).date(),
            gateway=gateway,
            provider=provider,
            sessions=dice.randrange(40, 400),
            seconds=dice.uniform(9_000, 60_000),
            cost=None if provider == "hume" else Decimal(dice.randrange(100, 9_000)) / 100,
            unpriced=7 if provider == "hume" else 0,
            usage=Usage(
                input_audio_tokens=dice.randrange(90_000),
                output_audio_tokens=dice.randrange(90_000),
            ),
        )
        for ago in range(14)
        for gateway in ("shop/voice", "support/eu")
        for provider in ("openai", "google", "hume")
    ]


def busy() -> Relay:
    """A relay as one may be on a good day."""
    dice = _dice(2)
    relay = many(138)
    endings: tuple[dict[str, Any], ...] = (
        {"ended_by": "client", "cause": "closed", "client": Direction(9, 9, 99, close_code=1000)},
        {"ended_by": "relay", "cause": "idle timeout", "outcome": Outcome.ENDED},
        {"ended_by": "client", "outcome": Outcome.ABANDONED},
        {"ended_by": "provider", "cause": "vanished", "outcome": Outcome.BROKEN},
    )
    past = [
        _record(dice, 0x900 + each, duration=dice.uniform(2, 400), **dice.choice(endings))
        for each in range(30)
    ]
    relay.history = History([*past, ended()], days=days())
    relay.last_hour = _an_hour(relay)
    return relay
