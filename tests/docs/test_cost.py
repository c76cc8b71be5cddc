"""docs/costs.md lists the models of relay/prices.toml, with the dates that stand there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from relay.prices import built_in_prices
from relay.protocol.usage import UNITS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
TABLE = (ROOT / "relay" / "prices.toml").read_text(encoding="utf-8")
DATED = re.findall(
    r'^# .*, (?:copy found on )?(\d{4}-\d\d-\d\d)\n\[prices\.([a-z-]+)\."([^"]+)"\]$',
    TABLE,
    re.MULTILINE,
)


def test_each_model_of_the_table_says_where_and_when_its_prices_were_seen() -> None:
    models = [(provider, each) for provider, it in built_in_prices().table.items() for each in it]
    assert sorted((provider, model) for _, provider, model in DATED) == sorted(models)
    assert all(date <= built_in_prices().version for date, _, _ in DATED)


def test_the_page_lists_the_models_of_the_table() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| ([0-9-]+) \|$", PAGE, re.MULTILINE)
    assert rows == [(provider, model, date) for date, provider, model in DATED]
    assert f"`{built_in_prices().version}`" in PAGE


def test_the_examples_of_the_page_are_prices() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    prices = tomllib.loads(example)["prices"]
    assert {unit for models in prices.values() for it in models.values() for unit in it} <= {*UNITS}
