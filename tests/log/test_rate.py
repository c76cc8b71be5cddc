"""Tests of relay.log.rate."""

from __future__ import annotations

import trio
from structlog.testing import capture_logs

from relay.log.rate import LogRate
from tests.support import trio_test


@trio_test
async def test_so_many_pass_each_second_and_the_others_are_counted() -> None:
    rate = LogRate("refusals", 2)
    with capture_logs() as lines:
        assert [rate.may_log() for _ in range(5)] == [True, True, False, False, False]
        await trio.sleep(1)
        assert [rate.may_log() for _ in range(3)] == [True, True, False]
        await trio.sleep(10)
        assert rate.may_log()
        await trio.sleep(1)
        assert rate.may_log()
    assert [(line["event"], line["count"]) for line in lines] == [
        ("refusals not logged", 3),
        ("refusals not logged", 1),
    ]
