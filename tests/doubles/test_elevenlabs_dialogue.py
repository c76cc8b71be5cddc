"""ElevenLabs' text to dialogue."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import speech
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

VOICES = {"voices": ["anna", "ben"]}


def session(
    query: str = "output_format=pcm_16000",
    headers: Sequence[tuple[str, str]] = (("xi-api-key", KEY),),
    multi: bool = False,
) -> AbstractAsyncContextManager[Peer]:
    name = "multi-stream-input" if multi else "stream-input"
    return connect("elevenlabs", f"/v1/text-to-dialogue/{name}?{query}", headers=headers)


def line(voice: str, words: str, **members: object) -> Json:
    return {"voice_id": voice, "text": words, **members}


@trio_test
async def test_a_dialogue() -> None:
    async with session() as peer:
        await peer.send(VOICES | {"inputs": [line("anna", "Hello there")]})
        spoken = await peer.json()
        assert base64.b64decode(spoken["audio"]) == speech(16000, ["", ""])
        assert "alignment" not in spoken
        await peer.send({"inputs": [line("ben", "Hi", new_turn=True), line("ben", " ")]})
        assert await peer.json() == {"is_final_audio_for_turn": True}
        assert base64.b64decode((await peer.json())["audio"]) == speech(16000, [""])
        await peer.send({"flush": True, "keep_alive": True})
        assert await peer.json() == {"is_final_audio_for_turn": True}
        await peer.send({"keep_alive": True})
        await peer.send({"flush": True})  # nothing was said since
        await peer.send({"inputs": [line("anna", "Bye")], "close_socket": True})
        assert "audio" in await peer.json()
        assert await peer.json() == {"is_final_audio_for_turn": True}
        assert await peer.json() == {"is_final": True}
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_alignment_is_sent_if_it_is_wanted() -> None:
    async with session("output_format=pcm_16000&sync_alignment=true") as peer:
        await peer.send(VOICES | {"inputs": [line("anna", "Hi")]})
        assert (await peer.json())["alignment"] == {
            "chars": ["H", "i"],
            "char_start_times_ms": [0, 50],
            "char_durations_ms": [50, 50],
        }


@trio_test
async def test_contexts_end_one_by_one_or_together() -> None:
    async with session(multi=True) as peer:
        for name in ("one", "two"):
            await peer.send(VOICES | {"context_id": name, "inputs": [line("anna", "Hello")]})
            assert (await peer.json())["context_id"] == name
        await peer.send({"context_id": "one", "close_context": True})
        assert await peer.json() == {"is_final_audio_for_turn": True, "context_id": "one"}
        assert await peer.json() == {"is_final": True, "context_id": "one"}
        await peer.send({"close_socket": True})
        assert await peer.json() == {"is_final_audio_for_turn": True, "context_id": "two"}
        assert await peer.json() == {"is_final": True, "context_id": "two"}
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize(
    "credential",
    [{"xi_api_key": KEY}, {"authorization": f"Bearer {KEY}"}, {"single_use_token": KEY}],
)
@trio_test
async def test_the_first_message_may_bring_the_credential(credential: Json) -> None:
    async with session(headers=()) as peer:
        await peer.send(VOICES | credential | {"inputs": [line("anna", "Hello")]})
        assert "audio" in await peer.json()
        await peer.send({"inputs": [line("ben", "Hello")]})
        assert "audio" in await peer.json()


BAD: dict[str, tuple[bool, bool, Json | str, str]] = {
    "no credential": (False, False, VOICES, "authentication_required"),
    "a wrong credential": (True, False, VOICES | {"xi_api_key": "wrong"}, "invalid_api_key"),
    "not JSON": (True, False, "not JSON", "invalid_message"),
    "no voices": (True, False, {"inputs": []}, "invalid_message"),
    "too many voices": (True, False, {"voices": ["v"] * 11}, "invalid_message"),
    "another voice": (True, False, VOICES | {"inputs": [line("eve", "Hi")]}, "invalid_message"),
    "no context": (True, True, VOICES, "invalid_message"),
}


@pytest.mark.parametrize(("known", "multi", "message", "name"), BAD.values(), ids=BAD)
@trio_test
async def test_what_cannot_be_used_ends_the_connection(
    known: bool, multi: bool, message: Json | str, name: str
) -> None:
    headers = [("xi-api-key", KEY)] if known else []
    async with session(headers=headers, multi=multi) as peer:
        await peer.send(message)
        error = await peer.json()
        assert (error["error"], error["code"]) == (name, 1008)
        assert await peer.close_frame() == (1008, error["message"])
