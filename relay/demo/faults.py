"""Which providers of the demo misbehave, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from relay.doubles.faults import NamedFault, parse_fault
from relay.protocol import by_name

__all__ = ["read_faults"]

_ONE_PROVIDER = re.compile(r"([a-z-]+)=(.*)", re.DOTALL)


def read_faults(lines: Iterable[str]) -> Mapping[str, NamedFault]:
    """The faults that were asked for, by the provider's name.

    Args:
        lines: ``PROVIDER=FAULT``, or ``FAULT`` for all providers that have none of their own.

    Raises:
        ValueError: There is no such fault or provider, or one has two; the message says which.
    """
    providers = by_name()
    faults: dict[str, NamedFault] = {}
    for line in lines:
        match = _ONE_PROVIDER.fullmatch(line)
        name, text = match.groups() if match else ("", line)
        if match and name not in providers:
            raise ValueError(f"there is no provider {name!r}")
        provider = providers[name].name if match else ""
        if provider in faults:
            raise ValueError(f"two faults for {provider or 'all providers'}")
        faults[provider] = parse_fault(text)
    of_all = faults.pop("", None)
    if of_all is not None:
        names = {provider.name for provider in providers.values()}
        faults = dict.fromkeys(sorted(names), of_all) | faults
    return faults
