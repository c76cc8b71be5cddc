"""Hume's text to speech."""

from __future__ import annotations

import base64
import io
import wave
from contextlib import AbstractAsyncContextManager

from relay.doubles.audio import speech
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def opened(query: str = "") -> AbstractAsyncContextManager[Peer]:
    return connect("hume", f"/v0/tts/stream/input{query}", headers=[("X-Hume-Api-Key", KEY)])


async def snippet(peer: Peer) -> list[Json]:
    """The chunks of one snippet."""
    chunks = [await peer.json()]
    while not chunks[-1]["is_last_chunk"]:
        chunks.append(await peer.json())
    return chunks


def pcm(chunks: list[Json]) -> bytes:
    return b"".join(base64.b64decode(chunk["audio"]) for chunk in chunks)


@trio_test
async def test_a_text_is_spoken_at_once_and_close_ends_the_stream() -> None:
    async with opened("?format_type=pcm") as peer:
        await peer.send({"text": "Hello there, Hume"})
        chunks = await snippet(peer)
        assert [chunk["chunk_index"] for chunk in chunks] == [0, 1, 2]
        assert {chunk["text"] for chunk in chunks} == {"Hello there, Hume"}
        assert {chunk["audio_format"] for chunk in chunks} == {"pcm"}
        assert pcm(chunks) == speech(48000, ["Hello", "there,", "Hume"])
        await peer.send({"text": "Bye", "close": True})
        last = await snippet(peer)
        assert pcm(last) == speech(48000, ["Bye"])
        assert last[0]["snippet_id"] != chunks[0]["snippet_id"]
        assert (await peer.close_frame())[0] == 1000


@trio_test
async def test_without_instant_mode_texts_are_collected_until_flush() -> None:
    async with opened("?instant_mode=false&format_type=pcm") as peer:
        await peer.send({"text": "Hello "})
        await peer.send({"text": "there"})
        await peer.send({"flush": True})
        chunks = await snippet(peer)
        assert chunks[0]["text"] == "Hello there"
        assert pcm(chunks) == speech(48000, ["Hello", "there"])


@trio_test
async def test_each_chunk_is_a_wav_file_unless_headers_are_stripped() -> None:
    async with opened("?format_type=wav") as peer:
        await peer.send({"text": "Two words"})
        for chunk in await snippet(peer):
            with wave.open(io.BytesIO(base64.b64decode(chunk["audio"]))) as file:
                assert file.getframerate() == 48000
                assert file.getnframes() == 4800
    async with opened("?format_type=wav&strip_headers=true") as peer:
        await peer.send({"text": "Two words"})
        assert pcm(await snippet(peer)) == speech(48000, ["Two", "words"])


@trio_test
async def test_words_have_timestamps_if_they_are_wanted() -> None:
    query = "?include_timestamp_types=phoneme&include_timestamp_types=word"
    async with opened(query) as peer:
        await peer.send({"text": "Two words"})
        stamps = [await peer.json(), await peer.json()]
        assert {stamp["type"] for stamp in stamps} == {"timestamp"}
        assert [stamp["timestamp"] for stamp in stamps] == [
            {"type": "word", "text": "Two", "time": {"begin": 0, "end": 100}},
            {"type": "word", "text": "words", "time": {"begin": 100, "end": 200}},
        ]
        assert (await snippet(peer))[0]["snippet_id"] == stamps[0]["snippet_id"]


@trio_test
async def test_a_malformed_message_is_an_error_and_the_stream_goes_on() -> None:
    async with opened() as peer:
        await peer.send("Hello")
        error = await peer.json()
        assert (error["type"], error["code"]) == ("error", "E0100")
        await peer.send({"text": "Hello"})
        assert (await snippet(peer))[0]["text"] == "Hello"
