"""Every target over its seeds and over the inputs that once broke a law, without a fuzzer."""

from __future__ import annotations

import pytest

from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.fuzz.targets import TARGETS

each_target = pytest.mark.parametrize("target", TARGETS, ids=[each.name for each in TARGETS])


@each_target
def test_the_laws_hold_for_the_seeds(target: Target) -> None:
    for seed in target.seeds:
        target.check(seed)


@each_target
def test_the_laws_hold_for_the_beginnings_of_seeds(target: Target) -> None:
    for seed in target.seeds[::5]:
        for end in range(0, len(seed), 7):
            target.check(seed[:end])


@each_target
def test_seeds_are_not_longer_than_what_the_fuzzer_tries(target: Target) -> None:
    assert max(map(len, target.seeds)) <= target.max_size
    assert len({*target.seeds}) == len(target.seeds)


def test_an_input_is_read_as_it_was_written() -> None:
    raw = fuzz_input(b"abcdefg", 1, 3, options=5)
    given = FuzzInput.read(raw)
    assert given == FuzzInput(5, (1, 3), b"abcdefg")
    assert given.chunks() == [b"a", b"bcd", b"e", b"fg"]
    assert [given.has(bit) for bit in range(4)] == [True, False, True, False]


@pytest.mark.parametrize("raw", [b"", b"\1", b"\1\4", b"\1\4\0"])
def test_short_inputs_are_read_too(raw: bytes) -> None:
    assert FuzzInput.read(raw).chunks() == []
