"""Prices of the configuration, beside those that come with the relay."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from relay.prices import built_in_prices
from relay.protocol.usage import Usage
from tests.config.files import OPEN_GATEWAY, load_text, problems_of


def test_own_prices_stand_beside_those_of_the_built_in_table(tmp_path: Path) -> None:
    text = '[prices.mistral."my-*"]\ninput_audio_seconds = "0.5 / 1h"\n'
    prices = load_text(tmp_path, OPEN_GATEWAY + text).prices
    assert prices.cost("mistral", "my-model", Usage(input_audio_seconds=Decimal(7200))) == 1
    assert prices.version == f"{built_in_prices().version}+relay.toml"
    assert load_text(tmp_path, OPEN_GATEWAY).prices is built_in_prices()


def test_prices_that_mean_nothing_are_problems(tmp_path: Path) -> None:
    text = """
    [prices.nobody.m]
    [prices.grok.m]
    [prices.openai."gpt-*"]
    input_text_tokens = "4.00"
    tokens = "1 / 1M"
    """
    problems = problems_of(tmp_path, OPEN_GATEWAY + text)
    assert problems[:3] == [
        "prices.nobody: there is no provider of that name",
        "prices.grok: there is no provider of that name",
        (
            'prices.openai."gpt-*".input_text_tokens: must be dollars for a number of them, '
            'such as "4.00 / 1M"'
        ),
    ]
    assert problems[3].startswith('prices.openai."gpt-*".tokens: there is no such unit; there are ')
