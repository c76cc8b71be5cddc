"""The plan of a soak: repeated by its seed, and nothing is left out."""

from __future__ import annotations

from collections import Counter

from tests.soak.plan import FAULTS, Client, Lane, plan


def test_a_seed_repeats_it() -> None:
    assert list(plan(100, 7)) == list(plan(100, 7))
    assert list(plan(100, 7)) != list(plan(100, 8))


def test_everything_comes_in_it() -> None:
    sessions = list(plan(3000, 1))
    faults = Counter(session.fault for session in sessions)
    assert set(faults) == set(FAULTS)
    assert max(faults.values()) - min(faults.values()) <= 1
    assert {session.client for session in sessions} == set(Client)
    for fault in FAULTS:
        of_fault = [session for session in sessions if session.fault == fault]
        assert {session.lane for session in of_fault} == set(Lane)
        tls = {(session.client_tls, session.upstream_tls) for session in of_fault}
        assert tls == {(False, False), (False, True), (True, False), (True, True)}
