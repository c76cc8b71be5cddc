"""A double of Deepgram's voice agent, ``/v1/agent/converse``.

``Welcome`` comes first and wants ``Settings``, which ``SettingsApplied`` answers; a ``greeting`` in
them is said. ``InjectUserMessage``, and every second of audio in binary messages, is answered by
``ConversationText``, ``AgentStartedSpeaking``, audio in binary messages (PCM16 at the rate of
``audio.output``) and ``AgentAudioDone``; audio by ``UserStartedSpeaking`` before them.
``ForceEndTurn`` ends the user's turn if the listener is Flux. ``InjectAgentMessage`` is said, and
the messages that update are acknowledged. ``KeepAlive`` and ``FunctionCallResponse`` have no
answer: the double calls no functions. There is no usage event.

An ``Error`` is followed by a Close: before ``Settings``, for second ``Settings``, for what is no
message of the agent's, for encodings of the output other than raw.

Documented: the messages and the codes of errors. Not confirmed: the status code of the Close after
an error (here 1008).
"""

from __future__ import annotations

from relay.doubles.audio import pieces, seconds_of, tone
from relay.doubles.messages import JsonObject, member, number, parse, reply, section, send, text
from relay.doubles.server import Connection

__all__ = ["converse"]

_DEFAULT_RATE = 24000
_RATES = frozenset({8000, 16000, 24000, 32000, 44100, 48000})
_RAW_ENCODINGS = frozenset({"", "linear16", "mulaw", "alaw"})
_TURN_SECONDS = 1.0
_UPDATES = {
    "UpdateListen": "ListenUpdated",
    "UpdatePrompt": "PromptUpdated",
    "UpdateSpeak": "SpeakUpdated",
    "UpdateThink": "ThinkUpdated",
}


class _Violation(Exception):  # noqa: N818 (what the client did, not what failed)
    """The client did something that ends the session with ``Error``."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


async def converse(connection: Connection, request_id: str) -> None:
    """Play one conversation on an accepted connection."""
    await send(connection, {"type": "Welcome", "request_id": request_id})
    try:
        agent = _Agent(connection, _settings(await connection.receive()))
        await agent.run()
    except _Violation as violation:
        error = {"type": "Error", "description": str(violation), "code": violation.code}
        await send(connection, {**error})
        await connection.close(1008, violation.code)


def _settings(message: str | bytes) -> JsonObject:
    """The ``Settings`` that must come first."""
    command = parse(message) if isinstance(message, str) else {}
    if command is None:
        raise _Violation("UNPARSABLE_CLIENT_MESSAGE", "The message is no JSON object.")
    if text(command, "type") != "Settings":
        what = "The first message must be Settings."
        raise _Violation("NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", what)
    if not isinstance(member(command, "agent"), dict | str):
        raise _Violation("UNPARSABLE_CLIENT_MESSAGE", "The settings have no agent.")
    output = section(section(command, "audio"), "output")
    if text(output, "encoding") not in _RAW_ENCODINGS:
        raise _Violation("INVALID_SETTINGS", "The double plays linear16, mulaw and alaw.")
    return command


class _Agent:
    def __init__(self, connection: Connection, settings: JsonObject) -> None:
        audio, agent = section(settings, "audio"), section(settings, "agent")
        listener = section(section(agent, "listen"), "provider")
        self._connection = connection
        self._input_rate = _rate(section(audio, "input"))
        self._output_rate = _rate(section(audio, "output"))
        self._greeting = text(agent, "greeting")
        self._listens_with_flux = text(listener, "version") == "v2"
        self._size = 0

    async def run(self) -> None:
        await self._send("SettingsApplied")
        if self._greeting:
            await self._say(self._greeting)
        while True:
            message = await self._connection.receive()
            if isinstance(message, bytes):
                await self._hear(message)
            else:
                await self._obey(parse(message))

    async def _hear(self, audio: bytes) -> None:
        if audio and not self._size:
            await self._send("UserStartedSpeaking")
        self._size += len(audio)
        if seconds_of(self._size, self._input_rate) >= _TURN_SECONDS:
            await self._end_turn()

    async def _end_turn(self) -> None:
        heard = f"{seconds_of(self._size, self._input_rate):.1f} seconds of audio"
        self._size = 0
        await self._answer(heard)

    async def _obey(self, command: JsonObject | None) -> None:
        kind = text(command, "type")
        match kind:
            case "InjectUserMessage":
                await self._answer(text(command, "content"))
            case "InjectAgentMessage":
                await self._say(text(command, "message"))
            case "ForceEndTurn" if not self._listens_with_flux:
                what = "ForceEndTurn requires a Flux listen provider."
                await self._send("Warning", description=what, code="FORCE_END_TURN_UNSUPPORTED")
            case "ForceEndTurn":
                if self._size:
                    await self._end_turn()
            case "KeepAlive" | "FunctionCallResponse":
                pass
            case "Settings":
                raise _Violation("SETTINGS_ALREADY_APPLIED", "Settings were already applied.")
            case _ if kind in _UPDATES:
                await self._send(_UPDATES[kind])
            case _:
                what = "The message is none of the agent's."
                raise _Violation("UNPARSABLE_CLIENT_MESSAGE", what)

    async def _answer(self, heard: str) -> None:
        await self._send("ConversationText", role="user", content=heard)
        await self._say("".join(reply("Deepgram", heard)))

    async def _say(self, words: str) -> None:
        await self._send("ConversationText", role="assistant", content=words)
        latencies = {"total_latency": 0.3, "tts_latency": 0.1, "ttt_latency": 0.2}
        await self._send("AgentStartedSpeaking", **latencies)
        for piece in pieces(tone(self._output_rate), self._output_rate):
            await self._connection.send(piece)
        await self._send("AgentAudioDone")

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})


def _rate(audio: JsonObject) -> int:
    """The sample rate of ``audio.input`` or ``audio.output``, in Hz."""
    rate = number(audio, "sample_rate")
    return rate if rate in _RATES and rate is not None else _DEFAULT_RATE
