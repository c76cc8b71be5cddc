"""``relay schema``: the JSON Schema of the configuration file."""

from __future__ import annotations

import json

from relay.config import reference

__all__ = ["schema"]


def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    print(json.dumps(reference.schema(), indent=1))  # noqa: T201
