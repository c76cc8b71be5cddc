"""OpenAI's statements of tokens, as usage."""

from __future__ import annotations

from relay.protocol.meters.reading import JsonObject, count, find, section
from relay.protocol.usage import Usage

__all__ = ["tokens"]


def tokens(usage: JsonObject) -> Usage:
    """The usage of one response, or of one transcription.

    Cached tokens are stated as a part of the input, reasoning as a part of the output; here each is
    counted once. What is in a total and not said to be audio or images is text. The tokens of which
    it is not said what of them was cached are text, as far as there is any.
    """
    read = section(usage, "input_token_details") or section(usage, "input_tokens_details")
    audio, image = count(read, "audio_tokens"), count(read, "image_tokens")
    text = max(count(read, "text_tokens"), count(usage, "input_tokens") - audio - image)
    details = section(read, "cached_tokens_details")
    if details:
        cached_audio = min(audio, count(details, "audio_tokens"))
        cached_image = min(image, count(details, "image_tokens"))
        cached_text = min(text, count(details, "text_tokens"))
    else:
        cached = count(read, "cached_tokens")
        cached_text = min(text, cached)
        cached_audio = min(audio, cached - cached_text)
        cached_image = min(image, cached - cached_text - cached_audio)
    written = section(usage, "output_token_details") or section(usage, "output_tokens_details")
    output_audio, output_image = count(written, "audio_tokens"), count(written, "image_tokens")
    thoughts = count(written, "reasoning_tokens")
    output_text = count(usage, "output_tokens") - output_audio - output_image - thoughts
    if find(usage, "output_tokens") is None:
        output_text = count(written, "text_tokens")
    return Usage(
        input_text_tokens=text - cached_text,
        input_audio_tokens=audio - cached_audio,
        input_image_tokens=image - cached_image,
        cached_text_tokens=cached_text,
        cached_audio_tokens=cached_audio,
        cached_image_tokens=cached_image,
        output_text_tokens=max(0, output_text),
        output_audio_tokens=output_audio,
        output_image_tokens=output_image,
        thoughts_tokens=thoughts,
    )
