"""Who may open Speechmatics' endpoint."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

BEARER = ("Authorization", f"Bearer {KEY}")


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/en", "/v2/cmn_en"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [("?sm-sdk=python", [BEARER]), (f"?jwt={KEY}&sm-sdk=js", [])],
)
@trio_test
async def test_every_slot_opens_every_path(
    path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    async with connect("speechmatics", f"{path}{query}", headers=headers):
        pass


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/v2", [], 401),
        ("/v2", [("Authorization", "Bearer wrong")], 401),
        ("/v2?jwt=wrong", [BEARER], 401),
        (f"/v2?token={KEY}", [], 401),
        ("/", [BEARER], 404),
        ("/v2/en/more", [BEARER], 404),
        ("/v22", [BEARER], 404),
    ],
)
@trio_test
async def test_refusals(target: str, headers: list[tuple[str, str]], status: int) -> None:
    assert (await refusal("speechmatics", target, headers=headers))[0] == status
