"""Tests of relay.protocol.meters.openai_tokens."""

from __future__ import annotations

import pytest

from relay.protocol import Usage
from relay.protocol.meters.openai_tokens import tokens


@pytest.mark.parametrize(
    ("stated", "counted"),
    [
        ({}, Usage()),
        ({"input_tokens": 5, "output_tokens": 7}, Usage(input_text_tokens=5, output_text_tokens=7)),
        (  # the Responses API; what of the input was cached is text
            {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "output_tokens": 9,
                "output_tokens_details": {"reasoning_tokens": 6},
            },
            Usage(
                input_text_tokens=6, cached_text_tokens=4, output_text_tokens=3, thoughts_tokens=6
            ),
        ),
        (  # more was cached than there is text
            {
                "input_tokens": 10,
                "input_token_details": {
                    "text_tokens": 3,
                    "audio_tokens": 4,
                    "image_tokens": 3,
                    "cached_tokens": 8,
                },
            },
            Usage(
                cached_text_tokens=3,
                cached_audio_tokens=4,
                cached_image_tokens=1,
                input_image_tokens=2,
            ),
        ),
        (  # no totals
            {
                "input_token_details": {"text_tokens": 3, "audio_tokens": 4},
                "output_token_details": {"text_tokens": 5, "audio_tokens": 6, "image_tokens": 1},
            },
            Usage(
                input_text_tokens=3,
                input_audio_tokens=4,
                output_text_tokens=5,
                output_audio_tokens=6,
                output_image_tokens=1,
            ),
        ),
        (  # parts that are more than the whole
            {
                "input_tokens": 1,
                "input_token_details": {
                    "audio_tokens": 2,
                    "cached_tokens_details": {"text_tokens": 5, "audio_tokens": 5},
                },
                "output_tokens": 1,
                "output_token_details": {"audio_tokens": 2},
            },
            Usage(cached_audio_tokens=2, output_audio_tokens=2),
        ),
    ],
)
def test_each_token_is_counted_once(stated: dict[str, object], counted: Usage) -> None:
    assert tokens(stated) == counted
