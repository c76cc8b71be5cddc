"""A double of ``BidiGenerateMusic``, Google's realtime music.

``setup`` comes first and is answered by ``setupComplete``. ``clientContent`` with
``weightedPrompts`` and ``musicGenerationConfig`` are taken without an answer. ``playbackControl:
PLAY`` is answered by six tenths of a second of tone, PCM16 at 48 kHz on two channels, in
``serverContent.audioChunks``; Google would go on until ``PAUSE`` or ``STOP``. Frames and errors are
those of ``google_live.py``.

Shapes: Google's API reference and the types of its SDKs.
"""

from __future__ import annotations

from relay.doubles.audio import pieces, to_base64, to_stereo, tone
from relay.doubles.google_live import InvalidPayload, receive, receive_setup, send
from relay.doubles.messages import JsonObject, section, text
from relay.doubles.server import Connection

__all__ = ["play"]

_SAMPLE_RATE = 48000

_CONTROLS = frozenset({"PLAY", "PAUSE", "STOP", "RESET_CONTEXT"})


async def play(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    try:
        await receive_setup(connection)
        await _play(connection)
    except InvalidPayload as error:
        await connection.close(1007, str(error))


async def _play(connection: Connection) -> None:
    source: JsonObject = {}
    while True:
        message = await receive(connection)
        prompts = section(message, "clientContent", "client_content")
        config = section(message, "musicGenerationConfig", "music_generation_config")
        control = text(message, "playbackControl", "playback_control")
        if control == "PLAY":
            await _send_music(connection, source)
        elif prompts:
            source["clientContent"] = prompts
        elif config:
            source["musicGenerationConfig"] = config
        elif control not in _CONTROLS:
            raise InvalidPayload("Invalid JSON payload received. Unknown name")


async def _send_music(connection: Connection, source: JsonObject) -> None:
    for piece in pieces(tone(_SAMPLE_RATE), _SAMPLE_RATE):
        chunk = {
            "data": to_base64(to_stereo(piece)),
            "mimeType": f"audio/l16;rate={_SAMPLE_RATE};channels=2",
            "sourceMetadata": source,
        }
        await send(connection, {"serverContent": {"audioChunks": [chunk]}})
