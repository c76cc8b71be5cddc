"""``[prices]``: what usage costs, beside and before the table that comes with the relay."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fractions import Fraction

from relay.prices import BadPriceError, Prices, built_in_prices, parse_price
from relay.protocol import Provider

__all__ = ["read_prices"]


def read_prices(
    tables: Mapping[str, Mapping[str, Mapping[str, str]]],
    problem: Callable[[str, str], None],
    providers: Mapping[str, Provider],
) -> Prices:
    """Read the tables.

    Args:
        tables: By provider, by pattern of the model, by unit.
        problem: Called with the path of a key and a sentence about it.
        providers: Those that there are, by name and alias.
    """
    table: dict[str, dict[str, dict[str, Fraction]]] = {}
    for name, models in tables.items():
        if name not in providers or providers[name].name != name:
            problem(f"prices.{name}", "there is no provider of that name")
        for model, prices in models.items():
            read = table.setdefault(name, {}).setdefault(model, {})
            for unit, text in prices.items():
                try:
                    read[unit] = parse_price(unit, text)
                except BadPriceError as error:
                    problem(f"prices.{name}.{json.dumps(model)}.{unit}", str(error))
    built_in = built_in_prices()
    return Prices("relay.toml", table).over(built_in) if table else built_in
