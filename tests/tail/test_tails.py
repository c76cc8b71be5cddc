"""How many tails there may be, and their ends."""

from __future__ import annotations

import pytest

from relay.protocol import Limits, Pipe
from relay.tail.tail import Tail
from relay.tail.tails import MOST, Tails, TooManyTailsError
from tests.support import trio_test


def a_tail(session_id: str = "a") -> Tail:
    pipes = Pipe(masked=True, limits=Limits()), Pipe(masked=False, limits=Limits())
    return Tail(session_id, pipes, lambda: 0.0, None)


@trio_test
async def test_there_are_at_most_eight_until_their_readers_have_gone() -> None:
    tails = Tails()
    open_ = [a_tail() for _ in range(MOST)]
    for each in open_:
        tails.check_room()
        tails.add(each)
    tails.end("a", "over")  # whoever has not read that yet holds a place
    with pytest.raises(TooManyTailsError):
        tails.check_room()
    for _ in range(2):  # once is as good as twice
        open_[0].close()
    tails.check_room()
    tails.add(a_tail())
    with pytest.raises(TooManyTailsError, match="8 tails"):
        tails.check_room()


@trio_test
async def test_those_of_a_session_end_with_it_and_with_the_first_sentence() -> None:
    tails = Tails()
    one, two, other = a_tail(), a_tail(), a_tail("b")
    for each in (one, two, other):
        tails.add(each)
    tails.end("a", "the client closed")
    tails.end("a", "who knows")
    assert await one.take() == await two.take() == [{"ended": "the client closed"}]
    assert await one.take() == []
    tails.end("b", "the end")
    assert await other.take() == [{"ended": "the end"}]
