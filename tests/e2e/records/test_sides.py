"""What else a record says, or is not to say: compression, chunks, wishes, stores, secrets."""

from __future__ import annotations

import contextlib
import json
import zlib
from pathlib import Path

import pytest
from wsproto.events import CloseConnection

from relay.protocol.usage import Usage
from relay.records.filter import Filter
from relay.records.session_record import to_json
from relay.records.store import Store, check_url
from relay.testing.frames import Frame
from tests.e2e.records.acts import listen
from tests.e2e.records.wire import Heard
from tests.e2e.records.world import GATEWAY, KEY, TOKEN, Client, World, in_both_drivers, world
from tests.support import real_clock

TARGET = f"/v1/{GATEWAY}/openai?model=gpt-realtime"
TEXT = 0x1


async def converse(here: World, *lines: tuple[str, str]) -> Client:
    """A response, a Close."""
    client = await here.connect()
    assert await client.open(TARGET, *lines) == (101, b"")
    await client.peer.json()
    await client.peer.send({"type": "response.create"})
    await client.peer.until("rate_limits.updated")
    await client.peer.transmit(CloseConnection(1000, ""))
    await listen(here, client)
    return client


@in_both_drivers
@real_clock
async def test_every_chunk_that_is_written_is_in_the_histogram(driver: str, tmp_path: Path) -> None:
    rounds = 25
    async with world(tmp_path, "openai", driver) as here:
        client = await here.connect()
        assert await client.open(TARGET) == (101, b"")
        await client.peer.json()
        for _ in range(rounds):  # each is answered before the next one is sent
            await client.peer.send({"type": "session.update", "session": {}})
            await client.peer.until("session.updated")
        await client.peer.transmit(CloseConnection(1000, ""))
        await listen(here, client)
    # The first message may have come with the 101; then it is written as a chunk, too.
    assert sum(here.record.added_latency) == 2 * rounds + 1 + 2
    assert here.metric("relay_added_latency_seconds_bucket") > 0


@in_both_drivers
@real_clock
async def test_who_wants_no_record_has_none_but_is_counted(driver: str, tmp_path: Path) -> None:
    async with world(tmp_path, "openai", driver) as here:
        await converse(here, ("cf-aig-collect-log", "false"))
        client = await here.connect()
        status, _ = await client.open(
            f"/v1/{GATEWAY}/openai/v1/nowhere", ("cf-aig-collect-log", "false")
        )
        assert status == 400
        assert here.metric("relay_sessions_total") == 2
        assert here.metric("relay_usage_total") > 0
        assert here.metric("relay_cost_dollars_total") > 0
        assert here.metric("relay_refusals_total") == 1
    assert here.records() == []


@real_clock
async def test_a_record_is_the_same_in_the_store_and_in_lines(tmp_path: Path) -> None:
    async with world(tmp_path, "openai", store="sqlite:relay.db") as here:
        client = await converse(here)
    with contextlib.closing(Store(check_url("sqlite:relay.db", tmp_path))) as store:
        (found,) = store.last(Filter(), None)
        assert to_json(found) == to_json(here.record)
        assert store.one(client.log_id) is not None


@real_clock
async def test_no_secret_is_in_a_record(tmp_path: Path) -> None:
    async with world(tmp_path, "openai") as here:
        client = await here.connect()
        lines = (
            ("cf-aig-metadata", json.dumps({"token": TOKEN})),
            ("Authorization", f"Bearer {KEY}"),
        )
        assert await client.open(TARGET, *lines, agent=f"agent {KEY}") == (101, b"")
        await client.peer.transmit(CloseConnection(4000, f"with {TOKEN}"))
        await listen(here, client)
    record = here.record
    assert record.metadata == {"team": "voice", "tier": 1}
    assert (record.user_agent, record.client.close_reason) == ("...", "...")
    assert record.provider_side.told_reason == "..."
    shown = json.dumps(to_json(record))
    assert TOKEN not in shown
    assert KEY not in shown


# Compression, which the double does not speak: the provider is one of these tests'.

_OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate")


@in_both_drivers
@pytest.mark.parametrize("broken", [False, True])
@real_clock
async def test_usage_under_compression(driver: str, broken: bool, tmp_path: Path) -> None:
    used = {"input_tokens": 3, "output_tokens": 4}
    response = {"id": "r", "status": "completed", "usage": used}
    done = json.dumps({"type": "response.done", "response": response}).encode()
    compressor = zlib.compressobj(wbits=-15)
    packed = compressor.compress(done) + compressor.flush(zlib.Z_SYNC_FLUSH)
    frame = Frame(TEXT, b"\xff\xff" if broken else packed[:-4], rsv1=True)
    async with world(
        tmp_path,
        "openai",
        driver,
        gateway='compression = "passthrough"',
        limits='close_timeout = "100ms"',  # nobody answers the Close
        script=frame.encode() + Frame(0x8, b"\x03\xe8").encode(),
    ) as here:
        client = await here.connect()
        await client.ask(TARGET, _OFFER)
        await client.head()
        while await client.stream.receive_some():
            pass
    record = here.record
    assert record.compressed
    assert record.provider_side.largest_message == len(frame.payload)
    assert Heard.of(client.tapped.received, masked=False).messages == 1
    if broken:
        assert (record.usage, record.usage_missing, record.cost) == (None, "compressed", None)
        assert here.metric("relay_unpriced_sessions_total") == 1
    else:
        assert record.usage is not None
        (work,) = record.usage
        assert work.usage == Usage(input_text_tokens=3, output_text_tokens=4)
        assert record.usage_missing is None
