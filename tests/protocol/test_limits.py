"""The bounds that hold where a configuration names none."""

from __future__ import annotations

from relay.protocol import Limits


def test_the_defaults_are_those_that_the_configuration_promises() -> None:
    assert Limits() == Limits(
        max_head_size=16_384,
        max_field_lines=100,
        max_field_line_size=8_192,
        max_message_size=33_554_432,
        max_fragments=65_536,
    )
