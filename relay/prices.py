"""What usage costs: a table of prices as data, and exact sums over it.

A price is an amount of US dollars for a number of units, ``"4.00 / 1M"`` tokens or ``"0.46 / 1h"``
of audio, as providers state it. What has no price in the table has no cost either: unknown is not
zero.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

from relay.protocol.usage import UNITS, Usage

__all__ = ["BadPriceError", "Prices", "built_in_prices", "parse_price"]

_PRICE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) / ([1-9][0-9]{0,8})(k|M|s|min|h)?")
_THOUSANDS = {"": 1, "k": 1000, "M": 1_000_000}
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_PLACES = Decimal("1e-12")  # of a dollar: what a division that does not end is rounded to


class BadPriceError(ValueError):
    """A sentence that says what is wrong with a price."""


def parse_price(unit: str, text: Any) -> Fraction:
    """Read the price of a unit; return US dollars for one of it.

    Args:
        unit: A name of :data:`relay.protocol.usage.UNITS`.
        text: As it stands in a table.

    Raises:
        BadPriceError: There is no such unit, or this is no price for it.
    """
    if unit not in UNITS:
        raise BadPriceError(f"there is no such unit; there are {', '.join(UNITS)}")
    timed = unit.endswith("_seconds")
    match = _PRICE.fullmatch(text) if isinstance(text, str) else None
    multiple = (_SECONDS if timed else _THOUSANDS).get(match[3] or "") if match else None
    if match is None or multiple is None:
        example = "0.46 / 1h" if timed else "4.00 / 1M"
        raise BadPriceError(f'must be dollars for a number of them, such as "{example}"')
    return Fraction(match[1]) / (int(match[2]) * multiple)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by provider, by pattern of the model, by unit."""

    version: str
    """When the table was made: a date, and whether it was added to."""
    table: Mapping[str, Mapping[str, Mapping[str, Fraction]]]
    fallback: Prices | None = None
    """Asked for what no pattern of the table fits, however long its own patterns are."""

    def cost(self, provider: str, model: str | None, usage: Usage) -> Decimal | None:
        """What usage costs, in US dollars.

        Args:
            provider: Its name.
            model: Compared with the patterns in any case; of several that fit, the longest holds.
            usage: What was used of that model.

        Returns:
            None if a price is not known for something that was used.
        """
        total = Fraction(0)
        found = self._find(provider, model)
        prices = {} if found is None else found[1]
        for unit, count in usage.counted().items():
            price = prices.get(unit)
            if price is None:
                return None
            total += price * Fraction(count)
        exact = Decimal(total.numerator) / Decimal(total.denominator)
        return exact.quantize(_PLACES).normalize() + 0

    def over(self, other: Prices) -> Prices:
        """These prices, and those of ``other`` for the models that no pattern of these fits."""
        return replace(self, version=f"{other.version}+{self.version}", fallback=other)

    def name_of(self, provider: str, model: str | None) -> str | None:
        """The pattern that a model is priced by; None if there is none."""
        found = self._find(provider, model)
        return None if found is None else found[0]

    def _find(self, provider: str, model: str | None) -> tuple[str, Mapping[str, Fraction]] | None:
        name = (model or "").lower()
        asked: Prices | None = self
        while asked is not None:
            patterns = asked.table.get(provider, {})
            fitting = [each for each in patterns if fnmatchcase(name, each.lower())]
            if fitting:
                longest = max(fitting, key=len)
                return longest, patterns[longest]
            asked = asked.fallback
        return None


@cache
def built_in_prices() -> Prices:
    """The table that comes with the relay, ``prices.toml``."""
    document = tomllib.loads((files("relay") / "prices.toml").read_text())
    return Prices(
        document["version"],
        {
            provider: {
                model: {unit: parse_price(unit, text) for unit, text in prices.items()}
                for model, prices in models.items()
            }
            for provider, models in document["prices"].items()
        },
    )
