"""Tests of relay.admin.logins."""

from __future__ import annotations

import trio

from relay.admin.logins import LIFETIME, Attempts, Logins
from tests.support import trio_test


@trio_test
async def test_a_login_lasts_twelve_hours() -> None:
    logins = Logins()
    secret = logins.begin(b"token")
    await trio.sleep(LIFETIME - 1)
    assert logins.holds(secret, b"token")
    await trio.sleep(1)
    assert not logins.holds(secret, b"token")


@trio_test
async def test_a_login_ends_with_its_token_or_when_told() -> None:
    logins = Logins()
    secret, other = logins.begin(b"token"), logins.begin(b"token")
    assert secret != other
    assert not logins.holds(secret, b"another")
    assert not logins.holds("", b"token")
    assert not logins.holds("\ud800", b"token")
    logins.end(secret)
    logins.end("never begun")
    assert not logins.holds(secret, b"token")
    assert logins.holds(other, b"token")


@trio_test
async def test_the_oldest_login_makes_room() -> None:
    logins = Logins()
    first = logins.begin(b"token")
    rest = [logins.begin(b"token") for _ in range(63)]
    assert logins.holds(first, b"token")
    rest.append(logins.begin(b"token"))
    assert not logins.holds(first, b"token")
    assert all(logins.holds(each, b"token") for each in rest)


@trio_test
async def test_ten_wrong_tokens_at_once_and_then_one_every_six_seconds() -> None:
    attempts = Attempts()
    for _ in range(10):
        assert attempts.wait("a") == 0
        attempts.count("a")
    assert attempts.wait("a") == 6
    assert attempts.wait("b") == 0
    await trio.sleep(6)
    assert attempts.wait("a") == 0
    attempts.count("a")
    assert attempts.wait("a") == 6
    await trio.sleep(60)
    for _ in range(10):
        assert attempts.wait("a") == 0
        attempts.count("a")


@trio_test
async def test_only_the_last_addresses_are_remembered() -> None:
    attempts = Attempts()
    for _ in range(11):
        attempts.count("first")
    for number in range(64):
        assert attempts.wait("first") > 0
        attempts.count(str(number))
    assert attempts.wait("first") == 0
