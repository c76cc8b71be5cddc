"""The laws of receivers hold for the relay's lanes, and each of them finds what breaks it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from relay.testing.frames import Item
from relay.testing.laws import RECEIVER_LAWS, Law, MakeReceiver
from tests.testing.receivers import MessagesReceiver, VerbatimReceiver

each_law = pytest.mark.parametrize("law", RECEIVER_LAWS, ids=str)


@each_law
def test_the_message_lane_keeps_them(law: Law[MakeReceiver]) -> None:
    law.check(MessagesReceiver)


@pytest.mark.parametrize(
    "law", [each for each in RECEIVER_LAWS if each.name != "violations fail"], ids=str
)
def test_the_verbatim_lane_keeps_them_but_that_it_looks_at_no_text(law: Law[MakeReceiver]) -> None:
    law.check(VerbatimReceiver)


def test_the_verbatim_lane_leaves_text_to_its_peers() -> None:
    (law,) = [each for each in RECEIVER_LAWS if each.name == "violations fail"]
    with pytest.raises(AssertionError, match="it has not failed") as caught:
        law.check(VerbatimReceiver)
    assert "not UTF-8" in "".join(caught.value.__notes__)


class LosesThirdMessage(MessagesReceiver):
    def __init__(self, masked: bool) -> None:
        super().__init__(masked)
        self._count = 0

    def receive_data(self, data: bytes) -> list[Item]:
        items = super().receive_data(data)
        self._count += len(items)
        return items if self._count != 3 else items[:-1]


class ForgetsTheReason(MessagesReceiver):
    def receive_data(self, data: bytes) -> list[Item]:
        return [
            (opcode, payload[:2] if opcode == 8 else payload)
            for opcode, payload in super().receive_data(data)
        ]


class GoesByChunks(MessagesReceiver):
    def receive_data(self, data: bytes) -> Iterable[Item]:  # type: ignore[override]
        return super().receive_data(data) if len(data) > 1 else []


class NeverFails(MessagesReceiver):
    @property
    def failed(self) -> int | None:
        return None


class SaysUnassigned(MessagesReceiver):
    @property
    def failed(self) -> int | None:
        return 1006 if super().failed else None


class ReadsOn(MessagesReceiver):
    def receive_data(self, data: bytes) -> list[Item]:
        items = super().receive_data(data)
        closed = [each for each in items if each[0] == 8]
        return [*items, (1, b"more")] if closed and len(data) > 30 else items


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (LosesThirdMessage, "valid input"),
        (ForgetsTheReason, "close is read"),
        (GoesByChunks, "any chunking"),
        (NeverFails, "violations fail"),
        (SaysUnassigned, "violations fail"),
        (ReadsOn, "nothing after a close"),
    ],
)
def test_a_law_finds_what_breaks_it(broken: MakeReceiver, name: str) -> None:
    (law,) = [each for each in RECEIVER_LAWS if each.name == name]
    with pytest.raises(AssertionError) as caught:
        law.check(broken)
    assert any(law.body.__name__ in note for note in caught.value.__notes__)


def test_what_is_raised_says_which_law_it_breaks() -> None:
    class Raises(MessagesReceiver):
        def receive_data(self, data: bytes) -> list[Item]:
            raise IndexError(len(data))

    (law,) = [each for each in RECEIVER_LAWS if each.name == "any chunking"]
    with pytest.raises(IndexError) as caught:
        law.check(Raises)
    assert caught.value.__notes__[-1].startswith("The law 'any chunking': Whatever comes, ")


def test_a_text_that_is_no_bytes_is_said() -> None:
    class HandsOverText(MessagesReceiver):
        def receive_data(self, data: bytes) -> list[Item]:
            return [(1, str(data))]  # type: ignore[list-item]

    (law,) = [each for each in RECEIVER_LAWS if each.name == "close is read"]
    with pytest.raises(AssertionError, match=" is no bytes"):
        law.check(HandsOverText)


def test_failures_are_in_words() -> None:
    (law,) = [each for each in RECEIVER_LAWS if each.name == "close is read"]
    with pytest.raises(AssertionError, match=r"not \[close\(1000, 'done'\)\]") as caught:
        law.check(ForgetsTheReason)
    assert str(caught.value) == "it hands over [close(1000)], not [close(1000, 'done')]"
