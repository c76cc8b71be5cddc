"""The conversation of an OpenAI realtime session; its events are tested with the session's."""

from __future__ import annotations

from relay.doubles.openai_conversation import Tokens


def test_tokens_add_up_by_modality() -> None:
    tokens = Tokens(text=3, audio=4) + Tokens(text=10)
    assert tokens == Tokens(text=13, audio=4)
    assert tokens.total == 17


def test_tokens_of_text_and_audio() -> None:
    assert Tokens.of_text("") == Tokens()
    assert Tokens.of_text("four") == Tokens(text=1)
    assert Tokens.of_text("fives") == Tokens(text=2)
    assert Tokens.of_input_audio(1.5) == Tokens(audio=15)
    assert Tokens.of_output_audio(1.5) == Tokens(audio=30)
