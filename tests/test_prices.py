"""Tests of relay.prices."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from relay.prices import BadPriceError, Prices, built_in_prices, parse_price
from relay.protocol import CATALOGUE
from relay.protocol.usage import Usage

TABLE = Prices(
    "test",
    {
        "openai": {
            "gpt-*": {"input_text_tokens": Fraction(1)},
            "gpt-realtime*": {
                "input_audio_tokens": Fraction(32, 1_000_000),
                "output_audio_tokens": Fraction(64, 1_000_000),
            },
        },
        "hume": {"*": {"session_seconds": Fraction(72, 1000) / 60}},
    },
)


@pytest.mark.parametrize(
    ("unit", "text", "price"),
    [
        ("input_text_tokens", "4.00 / 1M", Fraction(4, 1_000_000)),
        ("input_characters", "0.30 / 1k", Fraction(3, 10_000)),
        ("input_characters", "0.000011 / 1", Fraction(11, 1_000_000)),
        ("session_seconds", "0.46 / 1h", Fraction(46, 360_000)),
        ("input_audio_seconds", "0.0077 / 1min", Fraction(77, 600_000)),
        ("input_audio_seconds", "1 / 15s", Fraction(1, 15)),
    ],
)
def test_a_price_is_read_exactly(unit: str, text: str, price: Fraction) -> None:
    assert parse_price(unit, text) == price


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("input_text_tokens", "4.00"),
        ("input_text_tokens", "4.00 / 0"),
        ("input_text_tokens", "4.00 / 1h"),
        ("input_text_tokens", "-4.00 / 1M"),
        ("input_text_tokens", "1e3 / 1M"),
        ("session_seconds", "4.00 / 1M"),
        ("session_seconds", "4.00 / 60"),
        ("session_seconds", 4.0),
    ],
)
def test_what_is_no_price_is_refused_with_an_example(unit: str, text: object) -> None:
    with pytest.raises(BadPriceError, match="such as"):
        parse_price(unit, text)


def test_an_unknown_unit_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadPriceError, match="input_text_tokens, input_audio_tokens"):
        parse_price("tokens", "1 / 1M")


def test_a_cost_is_the_exact_sum() -> None:
    usage = Usage(input_audio_tokens=3, output_audio_tokens=7)
    cost = TABLE.cost("openai", "gpt-realtime-2025-08-28", usage)
    assert cost == Decimal("0.000544")
    assert str(cost) == "0.000544"


def test_a_division_that_does_not_end_is_rounded_far_below_a_cent() -> None:
    assert TABLE.cost("hume", None, Usage(session_seconds=Decimal(1))) == Decimal("0.0012")
    third = Prices("", {"p": {"*": {"session_seconds": Fraction(1, 3)}}})
    assert third.cost("p", None, Usage(session_seconds=Decimal(1))) == Decimal("0.333333333333")


def test_the_longest_pattern_holds_wholly_and_case_is_no_matter() -> None:
    text = Usage(input_text_tokens=1)
    assert TABLE.cost("openai", "GPT-4o", text) == Decimal(1)
    assert TABLE.cost("openai", "gpt-realtime", text) is None


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "whisper-1"), ("openai", None), ("nobody", "gpt-realtime")]
)
def test_what_is_not_in_the_table_has_no_cost(provider: str, model: str | None) -> None:
    assert TABLE.cost(provider, model, Usage(input_audio_tokens=1)) is None


def test_what_was_not_used_costs_nothing() -> None:
    cost = TABLE.cost("openai", "gpt-realtime", Usage())
    assert cost == 0
    assert cost is not None


def test_an_operator_s_model_replaces_the_one_of_the_table() -> None:
    own = Prices("own", {"openai": {"gpt-realtime*": {"input_text_tokens": Fraction(2)}}})
    both = own.over(TABLE)
    assert both.version == "test+own"
    assert both.cost("openai", "gpt-realtime", Usage(input_text_tokens=1)) == 2
    assert both.cost("openai", "gpt-realtime", Usage(input_audio_tokens=1)) is None
    assert both.cost("hume", "x", Usage(session_seconds=Decimal(60))) == Decimal("0.072")


def test_an_operator_s_shorter_pattern_stands_before_a_longer_one_of_the_table() -> None:
    own = Prices("own", {"openai": {"gpt-*": {"input_text_tokens": Fraction(2)}}})
    both = own.over(TABLE)
    assert both.cost("openai", "gpt-realtime", Usage(input_text_tokens=1)) == 2
    assert both.name_of("openai", "gpt-realtime") == "gpt-*"
    assert own.over(both).cost("hume", "x", Usage(session_seconds=Decimal(60))) == Decimal("0.072")
    assert both.name_of("openai", "whisper-1") is None


def test_the_built_in_table_is_about_providers_of_the_catalogue() -> None:
    assert set(built_in_prices().table) <= {provider.name for provider in CATALOGUE}


def test_only_what_is_known_to_be_included_is_free() -> None:
    free = {
        (provider, model, unit)
        for provider, models in built_in_prices().table.items()
        for model, prices in models.items()
        for unit, price in prices.items()
        if price == 0
    }
    included = {("mistral", "voxtral-mini-transcribe-realtime-2602", "output_text_tokens")}
    assert free == included


@pytest.mark.parametrize(
    ("provider", "model", "pattern"),
    [
        ("openai", "gpt-realtime", "gpt-realtime"),
        ("openai", "gpt-realtime-2025-08-28", "gpt-realtime-2025*"),
        ("openai", "gpt-realtime-mini", "gpt-realtime-mini"),
        ("openai", "gpt-realtime-mini-2025-12-15", "gpt-realtime-mini-2025*"),
        ("openai", "gpt-realtime-2", "gpt-realtime-2"),
        ("openai", "gpt-realtime-2.1", "gpt-realtime-2.1"),
        ("openai", "gpt-realtime-2.1-mini", "gpt-realtime-2.1-mini"),
        ("openai", "gpt-realtime-3", None),
        ("openai", "gpt-4o-realtime-preview-2024-10-01", None),  # it cost more
        ("openai", "gpt-4o-realtime-preview-2025-06-03", "gpt-4o-realtime-preview-2025*"),
        ("openai", "gpt-4o-mini-transcribe-2025-12-15", "gpt-4o-mini-transcribe*"),
        ("google", "models/gemini-3.8-live", "*gemini-3.8-live"),
        (
            "google",
            "gemini-2.5-flash-native-audio-preview-12-2025",
            "*gemini-2.5-flash-native-audio-*",
        ),
        ("google", "models/gemini-2.5-flash", None),
        ("deepgram", "aura-2-thalia-en", "aura-2-*"),
        ("deepgram", "aura-asteria-en", "aura-[a-z]*"),
        ("deepgram", "aura-3-thalia-en", None),
        ("deepgram", "nova-3", None),
        ("elevenlabs", "eleven_flash_v2_5", "eleven_flash_v2*"),
        ("workers-ai", "@cf/deepgram/flux", "@cf/deepgram/flux"),
    ],
)
def test_a_model_is_priced_by_its_own_pattern(
    provider: str, model: str, pattern: str | None
) -> None:
    assert built_in_prices().name_of(provider, model) == pattern


@pytest.mark.parametrize(
    ("provider", "model", "usage", "cost"),
    [
        (
            "openai",
            "gpt-realtime",
            Usage(
                input_text_tokens=120,
                input_audio_tokens=600,
                cached_text_tokens=64,
                cached_audio_tokens=896,
                output_text_tokens=50,
                output_audio_tokens=400,
            ),
            "0.046464",  # 0.00048 + 0.0192 + 0.0000256 + 0.0003584 + 0.0008 + 0.0256
        ),
        (
            "openai",
            "gpt-realtime-2.1-mini",
            Usage(input_audio_tokens=1000, output_audio_tokens=500, thoughts_tokens=100),
            "0.02024",
        ),
        ("openai", "whisper-1", Usage(input_audio_seconds=Decimal("12.5")), "0.00125"),
        ("openai", "gpt-live-1", Usage(session_seconds=Decimal(90)), "0.075"),
        (
            "google",
            "models/gemini-3.8-live",
            Usage(
                input_text_tokens=357,
                input_audio_tokens=165,
                output_audio_tokens=42,
                thoughts_tokens=136,
            ),
            "0.00187875",  # 0.00026775 + 0.000495 + 0.000504 + 0.000612
        ),
        ("deepgram", "flux-general-multi", Usage(input_audio_seconds=Decimal(600)), "0.078"),
        ("deepgram", "aura-2-thalia-en", Usage(input_characters=1234), "0.03702"),
        ("assemblyai", "u3-rt-pro", Usage(session_seconds=Decimal(1800)), "0.225"),
        ("elevenlabs", "eleven_turbo_v2_5", Usage(input_characters=250), "0.01"),
        (
            "mistral",
            "voxtral-mini-transcribe-realtime-2602",
            Usage(input_audio_seconds=Decimal(30), output_text_tokens=80),
            "0.003",
        ),
        # What the list has no price for is not taken for free.
        ("google", "gemini-3.8-live", Usage(cached_audio_tokens=1), None),
        ("google-vertex-ai", "gemini-live-2.5-flash-native-audio", Usage(thoughts_tokens=1), None),
    ],
)
def test_what_well_known_models_cost(
    provider: str, model: str, usage: Usage, cost: str | None
) -> None:
    found = built_in_prices().cost(provider, model, usage)
    assert found == (None if cost is None else Decimal(cost))
