"""What the admin API says of a session whose provider has a fault: what happened, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from relay.doubles import FAULTS
from tests.admin.fakes import BEARER
from tests.e2e.fault_sentences import ROWS, WHILE_IT_LASTS, Row, stage
from tests.e2e.records.expectation import without_times
from tests.support import real_clock

Told = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module", params=["fast", "portable"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What ``GET /api/sessions/ID`` says of each row's session, by its model."""
    folder = tmp_path_factory.mktemp("faults")

    async def main() -> Told:
        with pytest.MonkeyPatch.context() as patch, trio.fail_after(120):
            async with stage(folder, patch, request.param) as it:
                async with trio.open_nursery() as nursery:
                    for row in ROWS:
                        nursery.start_soon(it.play, row)
                (admin,) = it.server.admin_addresses
                async with httpx.AsyncClient(base_url=str(admin), headers=BEARER) as client:
                    return await _all(client)

    return trio.run(main)


async def _all(client: httpx.AsyncClient) -> Told:
    ids: dict[str, str] = {}
    while len(ids) < len(ROWS):  # until they are written
        await trio.sleep(0.05)
        rows = (await client.get("/api/sessions?limit=1000")).json()["sessions"]
        ids = {row["model"]: row["id"] for row in rows}
    return {model: (await client.get(f"/api/sessions/{ids[model]}")).json() for model in ids}


def test_the_table_has_every_fault() -> None:
    assert {row.fault.partition(":")[0] for row in ROWS} == set(FAULTS)
    assert len(set(ROWS)) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_is_said_of_a_fault(row: Row, told: Told) -> None:
    session = told[row.model]
    assert without_times(session["explanation"]) in row.sentences
    assert session["explanation"] in [moment["what"] for moment in session["timeline"]]


@pytest.mark.parametrize("row", WHILE_IT_LASTS, ids=str)
@real_clock
async def test_what_is_said_while_it_lasts(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path, monkeypatch) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.play, row)
        (admin,) = it.server.admin_addresses
        async with httpx.AsyncClient(base_url=str(admin), headers=BEARER) as client:
            said: set[str] = set()
            while row.sentence not in said:
                await trio.sleep(0.02)
                said |= {without_times(each) for each in await _standing(client)}
        nursery.cancel_scope.cancel()


async def _standing(client: httpx.AsyncClient) -> list[str]:
    """What is said of the sessions that are live."""
    rows = (await client.get("/api/sessions/live")).json()["sessions"]
    found = [(await client.get(f"/api/sessions/{row['id']}")).json() for row in rows]
    return [each["standing"] for each in found if each["live"]]
