"""The limits of all gateways, and those of one."""

from __future__ import annotations

import math
from pathlib import Path

from relay.protocol import Limits, Timeouts
from tests.config.files import OPEN_GATEWAY, load_text

OTHER_LIMITS = """
[limits]
opening_timeout = "1s"
connect_timeout = "2s"
upstream_timeout = "3s"
idle_timeout = "4m"
max_duration = "5h"
write_timeout = "6s"
close_timeout = "500ms"
drain_timeout = "8s"
ping_interval = "9s"
ping_timeout = "10s"
linger = "11s"
max_head_size = "9KiB"
max_message_size = "10MiB"
max_fragments = 11
"""
OTHER_TIMEOUTS = Timeouts(1, 2, 3, 240, 18000, 6, 0.5, 8, 9, 10, 11)


def test_limits(tmp_path: Path) -> None:
    settings = load_text(tmp_path, OTHER_LIMITS + OPEN_GATEWAY)
    limits = Limits(max_head_size=9216, max_message_size=10 * 2**20, max_fragments=11)
    assert settings.timeouts == OTHER_TIMEOUTS
    assert settings.limits == limits
    assert settings.timeouts_of("acct/main") == OTHER_TIMEOUTS
    assert settings.gateways["acct/main"].limits == limits


def test_a_gateway_overrides_what_it_names_and_inherits_the_rest(tmp_path: Path) -> None:
    settings = load_text(
        tmp_path,
        OTHER_LIMITS
        + OPEN_GATEWAY
        + '[gateways."acct/main".limits]\nmax_duration = "0s"\nidle_timeout = "1s"\n'
        + 'max_fragments = 12\nping_interval = "0s"\nlinger = "0s"\n'
        + OPEN_GATEWAY.replace("main", "other")
        + '[gateways."acct/other".limits]\nconnect_timeout = "20s"\nupstream_timeout = "21s"\n'
        + 'write_timeout = "22s"\nclose_timeout = "23s"\nmax_message_size = "24B"\n'
        + 'ping_timeout = "11s"\nlinger = "1m"\n',
    )
    assert settings.timeouts == OTHER_TIMEOUTS
    assert settings.timeouts_of("acct/main") == Timeouts(
        1, 2, 3, 1, math.inf, 6, 0.5, 8, math.inf, 10, 0
    )
    assert settings.timeouts_of("acct/other") == Timeouts(
        1, 20, 21, 240, 18000, 22, 23, 8, 9, 11, 60
    )
    main, other = settings.gateways["acct/main"].limits, settings.gateways["acct/other"].limits
    assert main == Limits(max_head_size=9216, max_message_size=10 * 2**20, max_fragments=12)
    assert other == Limits(max_head_size=9216, max_message_size=24, max_fragments=11)
