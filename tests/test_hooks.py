"""What a program decides for the relay that it runs: relay.hooks, through whole sessions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import relay
from relay.hooks import Asked, Granted, Hooks
from relay.protocol import Refused, RemoteProtocolError, Secret
from relay.protocol.frames import CLOSE, TEXT
from relay.records.session_record import Outcome, SessionRecord
from relay.testing.frames import Frame, close
from relay.testing.handshakes import upgrade
from tests.played_session import TARGET, PlayedSession, session
from tests.protocol.handshakes import TOKEN, a_token
from tests.support import VERBATIM, Variant, in_every_variant, trio_test

HELLO = Frame(TEXT, b"hello")
WITH_TOKEN = f"cf-aig-authorization: Bearer {TOKEN}"
Authorise = Callable[[Asked], Awaitable[Granted]]


@asynccontextmanager
async def authorised_by(
    authorise: Authorise, variant: Variant = VERBATIM, seconds: float = 5.0, **setting: Any
) -> AsyncIterator[PlayedSession]:
    """A session of a relay with such a hook, which nobody has asked for yet."""
    async with session(variant, **setting) as play:
        play.server.hooks = Hooks(authorise=authorise, timeout=seconds)
        yield play


def granting(*granted: Granted) -> tuple[Authorise, list[Asked]]:
    """A hook that grants this, and what it was asked."""
    asked: list[Asked] = []

    async def authorise(it: Asked) -> Granted:
        asked.append(it)
        await trio.sleep(1)
        return granted[0] if granted else Granted()

    return authorise, asked


# Being asked


@in_every_variant
@trio_test
async def test_a_program_is_asked_and_the_session_goes_on(variant: Variant) -> None:
    authorise, asked = granting(Granted(metadata={"team": "hooked", "plan": "free"}))
    token = a_token(metadata={"team": "voice", "n": 1})
    setting: dict[str, Any] = {"authentication_required": True, "tokens": (token,)}
    async with authorised_by(authorise, variant, **setting) as play:
        await play.request(WITH_TOKEN, "X-Mine: 7", early_data=HELLO.encode(b"\1\2\3\4"))
        await wait_all_tasks_blocked()
        assert not play.dialling
        await play.accept()
        assert (await play.client.receive_head()).startswith(b"HTTP/1.1 101")
        assert await play.provider.receive() == HELLO
        await play.close()
    (it,) = asked
    (record,) = play.records
    assert (it.id, it.gateway, it.token) == (record.id, "acct/main", "web")
    assert (it.provider, it.path, it.client_address) == ("openai", "", record.client_address)
    assert it.metadata == {"team": "voice", "n": 1}
    assert it.gateway_token is not None
    assert it.gateway_token.reveal() == TOKEN.encode()
    assert (b"x-mine", b"7") in it.fields
    assert record.metadata == {"team": "hooked", "plan": "free", "n": 1}
    assert TOKEN not in repr(it)
    assert record.steps["authorise"] == pytest.approx(1)


@trio_test
async def test_who_has_not_authenticated_is_not_asked_about() -> None:
    authorise, asked = granting()
    async with authorised_by(authorise, authentication_required=True) as play:
        await play.request()
        assert (await play.client.receive_head()).startswith(b"HTTP/1.1 401")
        await play.client.end()
    assert not asked


@trio_test
async def test_a_program_refuses() -> None:
    async def authorise(_: Asked) -> Granted:
        raise Refused(402, 2003, "the budget of this team is spent")

    async with authorised_by(authorise) as play:
        await play.request()
        answer = await play.client.receive_answer()
        assert answer.status == 402
        error = {"code": 2003, "message": "the budget of this team is spent"}
        assert json.loads(answer.body)["error"] == [error]
        await play.client.end()
    (record,) = play.records
    assert (record.outcome, record.status, record.ended_by) == (Outcome.REFUSED, 402, "relay")
    assert not play.dialled


@trio_test
async def test_a_program_that_fails_is_a_fault_whose_words_are_not_told() -> None:
    async def authorise(_: Asked) -> Granted:
        raise ValueError("rly_secret")

    async with authorised_by(authorise) as play:
        await play.request()
        answer = await play.client.receive_answer()
        assert answer.status == 500
        await play.client.end()
    assert play.faults == ["ValueError"]
    assert "rly_secret" not in str(play.log) + str(answer.body)


_NOTHING_GRANTED: list[Any] = [None, True, {}, Granted, [Granted()]]


@pytest.mark.parametrize("returned", _NOTHING_GRANTED, ids=repr)
@trio_test
async def test_a_program_that_grants_nothing_is_a_fault_and_no_client_that_left(
    returned: Any,
) -> None:
    async def authorise(_: Asked) -> Granted:
        return returned  # type: ignore[no-any-return]

    async with authorised_by(authorise) as play:
        await play.request()
        assert (await play.client.receive_answer()).status == 500
        await play.client.end()
    assert play.faults == ["TypeError"]
    assert "client left during the opening" not in [line["event"] for line in play.log]
    (record,) = play.records
    assert (record.outcome, record.status, record.ended_by) == (Outcome.REFUSED, 500, "relay")


_NO_REFUSALS: list[dict[str, Any]] = [
    {"status": 101},
    {"status": 200},
    {"status": 600},
    {"fields": (("Retry-After", "1\r\nX-Injected: 1"),)},
    {"fields": (("Content-Length", "0"),)},
    {"proxy_error": "a\nb"},
]


@pytest.mark.parametrize("wrong", _NO_REFUSALS, ids=str)
@trio_test
async def test_a_refusal_that_is_none_is_a_fault_of_the_program(wrong: dict[str, Any]) -> None:
    async def authorise(_: Asked) -> Granted:
        raise Refused(**{"status": 403, "code": 2010, "message": "no", **wrong})

    async with authorised_by(authorise) as play:
        await play.request()
        answer = await play.client.receive_answer()
        assert answer.status == 500
        assert json.loads(answer.body)["error"] == [{"code": 2000, "message": "internal error"}]
        assert "X-Injected" not in str(answer)
        await play.client.end()
    assert play.faults == ["LocalProtocolError"]
    assert [each.status for each in play.records] == [500]


@trio_test
async def test_a_program_that_takes_too_long() -> None:
    async def authorise(_: Asked) -> Granted:
        await trio.sleep_forever()

    async with authorised_by(authorise, seconds=3) as play:
        await play.request()
        assert (await play.client.receive_answer()).status == 503
        assert trio.current_time() == 3
        await play.client.end()


@trio_test
async def test_a_program_is_not_asked_on_when_the_client_has_gone() -> None:
    cancelled = trio.Event()

    async def authorise(_: Asked) -> Granted:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with authorised_by(authorise) as play:
        await play.request()
        await wait_all_tasks_blocked()
        await play.client.end()
        await cancelled.wait()
        await play.ended.wait()
    (record,) = play.records
    assert record.outcome is Outcome.ABANDONED


# Choosing


@trio_test
async def test_a_program_chooses_the_provider() -> None:
    authorise, asked = granting(Granted(provider="openai", key=Secret(b"sk-chosen")))
    async with authorised_by(authorise) as play:
        target = "/v1/acct/main/cheapest?model=gpt-realtime"
        await play.client.stream.send_all(upgrade(target))
        assert b"Bearer sk-chosen" in await play.accept()
        await play.client.receive_head()
        await play.close()
    assert asked[0].provider == "cheapest"
    assert play.records[0].provider == "openai"
    assert "sk-chosen" not in str(play.log)


@trio_test
async def test_what_the_gateway_forbids_stays_forbidden() -> None:
    authorise, _ = granting(Granted(provider="google", key=Secret(b"sk-chosen")))
    providers = frozenset({"openai"})
    async with authorised_by(authorise, providers=providers) as play:
        await play.client.stream.send_all(upgrade(TARGET))
        answer = await play.client.receive_answer()
        assert answer.status == 403
        await play.client.end()


@trio_test
async def test_a_credential_is_not_given_to_another_provider() -> None:
    authorise, _ = granting(Granted(provider="google"))
    async with authorised_by(authorise) as play:
        await play.request()  # with a credential for OpenAI
        answer = await play.client.receive_answer()
        assert answer.status == 403
        assert b"bring no credential" in answer.body
        await play.client.end()
    assert not play.dialled


@trio_test
async def test_a_client_keeps_the_credential_that_it_brings() -> None:
    authorise, _ = granting(Granted(provider="openai", key=Secret(b"sk-chosen")))
    async with authorised_by(authorise) as play:
        await play.request()
        assert b"sk-of-the-client" in await play.accept()
        await play.client.receive_head()
        await play.close()


# Metadata

_NO_METADATA: list[Any] = [
    {"account": UUID(int=1)},
    {"share": float("nan")},
    {"share": float("inf")},
    {"n": 2**63},
    {"team": None},
    {"team": ["red"]},
    {"team": "a\nb"},
    {"team": "x" * 257},
    {"": "red"},
    {"cf.team": "red"},
]


@pytest.mark.parametrize("metadata", _NO_METADATA, ids=str)
@trio_test
async def test_metadata_that_no_record_can_hold_is_a_fault_of_the_program(metadata: Any) -> None:
    async def authorise(_: Asked) -> Granted:
        return Granted(metadata=metadata)

    async with authorised_by(authorise) as play:
        await play.request()
        assert (await play.client.receive_answer()).status == 500
        await play.client.end()
    assert play.faults == ["ValueError"]
    assert not play.dialled
    (record,) = play.records
    assert (record.status, record.metadata) == (500, {})


def test_the_entry_that_is_no_metadata_is_named() -> None:
    with pytest.raises(ValueError, match=r"^'account' cannot be an entry of metadata$"):
        Granted(metadata={"team": "red", "account": UUID(int=1)})  # type: ignore[dict-item]


# Policies


def shouting(message: str | bytes) -> tuple[str | bytes, ...]:
    """A policy: text in capitals, no binary messages, and an end for bad words."""
    if isinstance(message, bytes):
        return ()
    if message == "bad":
        raise RemoteProtocolError("no bad words here", close_code_hint=1008)
    return (message.upper(),)


@in_every_variant
@trio_test
async def test_policies_in_both_directions(variant: Variant) -> None:
    granted = Granted(policies=[shouting], provider_policies=[shouting])
    authorise, _ = granting(granted)
    async with authorised_by(authorise, variant, compression=not variant.messages_lane) as play:
        await play.request("Sec-WebSocket-Extensions: permessage-deflate")
        assert b"permessage-deflate" not in await play.accept()
        await play.client.receive_head()
        await play.client.send(HELLO)
        assert (await play.provider.receive()).payload == b"HELLO"
        await play.provider.send(HELLO)
        assert (await play.client.receive()).payload == b"HELLO"
        await play.provider.send(Frame(TEXT, b"bad"))
        assert await play.provider.answer_close() == close(1008, "no bad words here")
        await play.client.answer_close()
        await play.provider.end()
        await play.client.end()
    (record,) = play.records
    assert (record.lane, record.error) == ("messages", "no bad words here")


@in_every_variant
@trio_test
async def test_a_policy_that_returns_a_bare_text_is_a_fault(variant: Variant) -> None:
    def masking(message: str | bytes) -> str:  # which a Sequence[str | bytes] is, by its type
        return str(message).replace("4111", "[card]")

    authorise, _ = granting(Granted(policies=[masking]))
    async with authorised_by(authorise, variant) as play:
        await play.request()
        await play.accept()
        await play.client.receive_head()
        await play.client.send(Frame(TEXT, b"my card is 4111"))
        told = await play.client.receive()
        assert told == close(1011, "internal error")
        assert (await play.provider.receive()).opcode == CLOSE
        await play.end_both()
    assert play.faults == ["TypeError"]
    (record,) = play.records
    assert record.error == "TypeError"


@trio_test
async def test_one_direction_alone() -> None:
    authorise, _ = granting(Granted(provider_policies=[shouting]))
    async with authorised_by(authorise) as play:
        await play.request()
        await play.accept()
        await play.client.receive_head()
        await play.client.send(HELLO)
        assert await play.provider.receive() == HELLO
        await play.provider.send(HELLO)
        assert (await play.client.receive()).payload == b"HELLO"
        await play.close()


# Being told


@in_every_variant
@trio_test
async def test_a_program_is_told_how_a_session_ended(variant: Variant) -> None:
    told: list[SessionRecord] = []
    async with session(variant) as play:
        play.server.hooks = Hooks(ended=told.append)
        await play.open()
        await play.client.send(HELLO)
        assert await play.provider.receive() == HELLO
        assert not told
        await play.close()
    assert told == play.records
    assert told[0].first_message is None
    assert told[0].client.messages == 1
    assert told[0].client.largest_message == 5  # so it was metered


@trio_test
async def test_a_program_that_cannot_be_told_ends_nothing() -> None:
    def ended(_: SessionRecord) -> None:
        raise ValueError("rly_secret")

    async with session() as play:
        play.server.hooks = Hooks(ended=ended)
        await play.open()
        await play.close()
    assert play.faults == ["ValueError"]
    assert "rly_secret" not in str(play.log)
    assert play.record["outcome"] == "completed"


def test_a_program_that_would_have_to_be_awaited_is_not_told() -> None:
    async def ended(_: SessionRecord) -> None:
        pass

    with pytest.raises(TypeError, match="no async function"):
        Hooks(ended=ended)  # type: ignore[arg-type]


# The package


def test_the_names_of_the_package_are_there() -> None:
    for name in relay.__all__:
        assert getattr(relay, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        relay.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_who_imports_the_core_alone_loads_no_more() -> None:
    program = "import relay.protocol, sys; print('trio' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False False\n"
