"""Tests of relay.protocol.meters.tally."""

from __future__ import annotations

from relay.protocol import Usage
from relay.protocol.meters.tally import MAX_MODELS, MAX_OPEN_TURNS, MAX_TURNS, Tally

ONE = Usage(input_text_tokens=1)


def test_the_model_is_the_one_that_was_named_first() -> None:
    tally = Tally(lambda: 0.0)
    tally.add(ONE)
    tally.name(None)
    tally.name("first")
    tally.name("second")
    tally.add(ONE, "first")
    assert tally.usage() == (("first", ONE + ONE),)
    assert Tally(lambda: 0.0, "query").model == "query"


def test_usage_of_too_many_models_is_folded_and_said_to_be() -> None:
    tally = Tally(lambda: 0.0, "session's own")
    for number in range(MAX_MODELS + 2):
        tally.add(ONE, f"model {number}")
    tally.add(ONE, "model 0")
    tally.add(ONE)
    usage = dict(tally.usage())
    assert len(usage) == MAX_MODELS + 2
    assert usage[None] == usage["model 0"] == ONE + ONE
    assert usage["session's own"] == ONE
    assert tally.dropped_models == 2


def test_turns_are_bounded_and_counted_on() -> None:
    tally = Tally(lambda: 0.0)
    for _ in range(MAX_TURNS + 5):
        tally.begin()
        tally.end(usage=ONE)
    assert len(tally.turns) == MAX_TURNS
    assert tally.dropped_turns == 5
    assert tally.usage() == ((None, Usage(input_text_tokens=MAX_TURNS + 5)),)


def test_turns_that_are_under_way_are_bounded() -> None:
    tally = Tally(lambda: 0.0)
    for number in range(MAX_OPEN_TURNS + 1):
        tally.begin(str(number))
    assert len(tally.turns) == MAX_OPEN_TURNS
    assert tally.dropped_turns == 1
    assert tally.is_open


def test_a_turn_that_is_under_way_does_not_begin_again() -> None:
    times = iter(range(10))
    tally = Tally(lambda: float(next(times)))
    tally.begin("a")
    tally.begin("a")
    assert len(tally.turns) == 1


def test_audio_is_awaited_for_the_session_and_for_each_turn() -> None:
    times = iter(range(10))
    tally = Tally(lambda: float(next(times)))
    awaits = [tally.awaits_audio]
    tally.audio("of no turn")
    awaits.append(tally.awaits_audio)
    assert tally.first_audio == 0
    tally.begin("a")
    tally.begin("b")
    tally.audio("a")
    awaits.append(tally.awaits_audio)
    tally.audio()
    tally.audio()
    awaits.append(tally.awaits_audio)
    assert [turn.first_audio for turn in tally.turns] == [3, 4]
    tally.begin("c")
    tally.end("c")
    assert [*awaits, tally.awaits_audio] == [True, False, True, False, False]


def test_the_end_of_no_turn_is_nothing() -> None:
    tally = Tally(lambda: 0.0)
    tally.audio()
    assert tally.end() is None
    assert tally.turns == []


def test_the_first_audio_of_a_session_and_of_its_turn_are_one_moment() -> None:
    moments = iter(range(10))
    tally = Tally(lambda: float(next(moments)))
    tally.begin()
    tally.audio()
    assert tally.first_audio == tally.turns[0].first_audio == 1.0
