"""docs/security.md has every limit of the configuration, those on sizes and times with defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.config.model import GatewayModel, LimitsModel, ServerModel, TokenModel

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("key", LimitsModel.model_fields)
def test_a_limit_stands_there_with_its_default(key: str) -> None:
    (default,) = [row[1] for row in ROWS if row[0] == f"`{key}`"]
    value = int(default) if default.isdecimal() else default
    assert getattr(LimitsModel.model_validate({key: value}), key) == getattr(LimitsModel(), key)


@pytest.mark.parametrize(
    ("key", "per"),
    [
        (key, per)
        for per, model in (
            ("server", ServerModel),
            ("gateway", GatewayModel),
            ("token", TokenModel),
        )
        for key in model.model_fields
        if key.startswith(("max_", "openings_")) and key != "max_sessions_per_address"
    ],
)
def test_a_bound_on_how_many_there_may_be_stands_there(key: str, per: str) -> None:
    assert [row for row in ROWS if row[0].startswith(f"`{key}`") and per in row[2]]
