"""Laws of whatever carries WebSocket sessions to an origin, seen from both of its ends.

They ask for what RFC 6455 asks of intermediaries and endpoints. A tunnel that looks at no frame
after the 101 keeps them, too: where a rule says that an endpoint fails the connection, it is as
good to carry the violation to the one that will.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from relay.protocol.frames import CLOSE, PING, PONG
from relay.testing.frames import Frame, close_frame, cut, delivered
from relay.testing.handshakes import check_accepted
from relay.testing.hostile_frames import Rejected, mirror
from relay.testing.laws.cases import CLOSES, FAILED, HOSTILE, complete_before
from relay.testing.laws.law import Law, law
from relay.testing.peer import Peer
from relay.testing.playbook import Playbook, binary, client, origin
from relay.testing.stand import Stand, StandSession
from relay.testing.strategies import (
    Session,
    chunkings,
    close_frames,
    fragmented_messages,
    offers_and_choices,
    sessions,
    whole_messages,
)
from relay.testing.subject import Fidelity

__all__ = ["PROXY_LAWS"]

_SIDES = st.sampled_from(["client", "origin"])
_CREDENTIAL = "k3y-0f-th3-cl13nt"
_DOING_WELL = 1000
_law = functools.partial(law, search=Stand.search)


@_law(
    "What the client offers reaches the origin, and what the origin chooses reaches the client.",
    "RFC 6455 4.1, 4.2.2, 11.3.4",
    offer=offers_and_choices(),
)
def subprotocols(stand: Stand, offer: tuple[list[str], str | None]) -> None:
    offered, chosen = offer
    lines = [f"Sec-WebSocket-Protocol: {', '.join(offered)}"] if offered else []
    with stand.session() as session:
        session.ask(*lines)
        entries = session.is_asked().entries
        assert entries == offered, f"the origin was offered {entries}, not {offered}"
        session.accept(*([f"Sec-WebSocket-Protocol: {chosen}"] if chosen else []))
        answer = session.is_answered()
        check_accepted(answer)
        if chosen:  # otherwise some answer an entry of their own choice, as some browsers want one
            answered = answer.values("Sec-WebSocket-Protocol")
            assert answered == [chosen], f"the client was answered {answered}, not {chosen}"


@_law(
    "An origin's refusal reaches the client, with its status and its body.",
    "RFC 6455 4.2.2 (the status), RFC 9110 3.7 (a gateway may answer otherwise)",
    status=st.sampled_from([400, 401, 403, 404, 429, 500, 503]),
    body=st.binary(max_size=300),
)
def refusals(stand: Stand, status: int, body: bytes) -> None:
    assert (
        Playbook(stand)
        >> client.asks()
        << origin.is_asked()
        >> origin.refuses(status, body)
        << client.is_answered(status, body=body)
    )


@_law(
    "A 101 whose Sec-WebSocket-Accept is wrong is not made a right one on its way.",
    "RFC 6455 4.1 (a client fails the connection; it can only if it sees it)",
    max_examples=5,
    accept=st.binary(min_size=20, max_size=20),
)
def wrong_accept(stand: Stand, accept: bytes) -> None:
    with stand.session() as session:
        session.ask()
        session.is_asked()
        session.accept(accept=base64.b64encode(accept))
        answer = session.is_answered()
        if answer.status == 101:
            try:
                check_accepted(answer)
            except AssertionError:
                return
            raise AssertionError("the client gets a valid 101, which the origin has not sent")


@_law(
    "What an origin sends in one piece with its 101 reaches the client.",
    "RFC 6455 4.2.2: the connection is open once the 101 is sent",
    messages=st.lists(whole_messages, min_size=1, max_size=3),
)
def early_messages(stand: Stand, messages: list[Frame]) -> None:
    with stand.session() as session:
        session.ask()
        session.is_asked()
        session.accept(then=session.origin.encode(*messages))
        check_accepted(session.is_answered())
        _wait_for(session, {"client": messages})


@_law(
    "Messages arrive whole, in order and alone, however their bytes were cut, both ways at once.",
    "RFC 6455 5.2, 5.6",
    inbound=st.lists(whole_messages, max_size=4),
    outbound=st.lists(whole_messages, max_size=4),
    sizes=chunkings,
)
def messages(stand: Stand, inbound: list[Frame], outbound: list[Frame], sizes: list[int]) -> None:
    _exchange(stand, inbound, outbound, sizes)


@_law(
    "Fragmented messages arrive as the same messages, with control frames between the fragments.",
    "RFC 6455 5.4",
    inbound=fragmented_messages(),
    outbound=fragmented_messages(),
    sizes=chunkings,
)
def fragments(stand: Stand, inbound: list[Frame], outbound: list[Frame], sizes: list[int]) -> None:
    _exchange(stand, inbound, outbound, sizes)


@_law(
    "Messages arrive at each form of the payload length, up to 200,000 bytes.",
    "RFC 6455 5.2 (limits are allowed: 10.4)",
    max_examples=8,
    size=st.sampled_from([125, 126, 65535, 65536, 200_000]),
    by=_SIDES,
)
def large_messages(stand: Stand, size: int, by: str) -> None:
    large = [binary(b"x" * size)]
    _exchange(stand, *((large, []) if by == "client" else ([], large)), [65536])


@_law(
    "A Ping is answered with its payload, or reaches the other side.",
    "RFC 6455 5.5.2, 5.5.3",
    payload=st.binary(max_size=125),
    by=_SIDES,
)
def pings(stand: Stand, payload: bytes, by: str) -> None:
    with stand.session() as session:
        session.open()
        sender, other = _sides(session, by)
        sender.send_frames(Frame(PING, payload))

        def heard() -> bool:
            return Frame(PONG, payload) in sender.frames or Frame(PING, payload) in other.frames

        session.until(heard, lambda: f"nobody has heard of the Ping of the {by}")


@_law(
    "A Close reaches the other side, with its code and its reason or empty, and so does its "
    "answer; then both connections end, and nothing more has come.",
    "RFC 6455 5.5.1, 7.1.1, 7.1.5, 7.1.6 (of intermediaries it asks nothing)",
    examples=[
        {"close": close_frame(*each), "by": by} for each in CLOSES for by in ("client", "origin")
    ],
    close=close_frames,
    by=_SIDES,
)
def closes(stand: Stand, close: Frame, by: str) -> None:
    closer, other = (client, origin) if by == "client" else (origin, client)
    assert (
        Playbook(stand)
        >> client.asks()
        << origin.is_asked()
        >> origin.accepts()
        << client.is_answered()
        >> closer.sends(close)
        << other.gets(close)
        >> other.sends(close)
        << closer.gets(close)
    )


@_law(
    "When one side vanishes, the other one's session ends.",
    "RFC 6455 7.1.5, 7.2.1, 7.2.3",
    after=st.lists(whole_messages, max_size=2),
    by=_SIDES,
)
def vanishing(stand: Stand, after: list[Frame], by: str) -> None:
    _vanish(stand, after, by)


@_law(
    "When one side vanishes, the other one is not told that all went well (1000).",
    "RFC 6455 7.4.1 (1000 means that the purpose was fulfilled); asked of endpoints alone",
    after=st.lists(whole_messages, max_size=2),
    by=_SIDES,
)
def honest_endings(stand: Stand, after: list[Frame], by: str) -> None:
    told = [_code(frame) for frame in _vanish(stand, after, by) if frame.opcode == CLOSE]
    assert _DOING_WELL not in told, f"the {by} has vanished, and the other side is told 1000"


@_law(
    "A violation ends its sender's session with 1002, 1007 or 1009 and the other one's, too, which "
    "gets nothing of it; or it is carried as it is, to whoever fails the connection.",
    "RFC 6455 5.1 to 5.5, 7.1.7 (the code is a SHOULD), 7.4.1, 8.1",
    examples=[{"hostile": each, "by": by} for each in HOSTILE for by in ("client", "origin")],
    hostile=st.sampled_from(HOSTILE),
    by=_SIDES,
)
def violations(stand: Stand, hostile: Rejected, by: str) -> None:
    turn: Callable[[bytes], bytes] = mirror if by == "origin" else bytes
    accepted, broken = turn(hostile.accepted), turn(hostile.broken)
    with stand.session() as session:
        session.open()
        sender, other = _sides(session, by)
        sender.send(accepted + broken)

        def carried() -> bool:
            return bytes(other.received) == accepted + broken

        def over() -> bool:
            if len(other.received) > len(accepted) and (accepted + broken).startswith(
                other.received
            ):
                return carried()
            both = [_is_over(sender), _is_over(other)]  # each answers its Close
            return all(both)

        session.until(
            over,
            lambda: f"no side's session has ended: {sender.received!r}, {other.received!r}",
        )
        if carried():
            return
        to_sender, to_other = sender.frames, other.frames
    codes = [_code(frame) for frame in to_sender if frame.opcode == CLOSE]
    assert codes, "the sender's connection is ended without a Close"
    assert set(codes) <= FAILED, f"the sender is told {codes}"
    got = [item for item in delivered(to_other) if item[0] < CLOSE]
    due = complete_before(hostile)
    assert got == due[: len(got)], f"the other side gets {got}, of which {due} precedes it"


@_law(
    "What the client shows of its credentials is not shown again in an answer of the proxy's own.",
    "RFC 6455 10.5, RFC 9110 17.9 (what stands in a target may be logged and shown)",
    max_examples=12,
    where=st.sampled_from(["field line", "query", "subprotocol"]),
    ends=st.sampled_from(["hangs up", "no HTTP", "accepts"]),
)
def credentials(stand: Stand, where: str, ends: str) -> None:
    lines = {
        "field line": [f"X-Api-Key: {_CREDENTIAL}"],
        "query": [],
        "subprotocol": [f"Sec-WebSocket-Protocol: realtime, api-key.{_CREDENTIAL}"],
    }[where]
    target = stand.front.target
    if where == "query":
        target += f"{'&' if '?' in target else '?'}api_key={_CREDENTIAL}"
    with stand.session() as session:
        session.ask(*lines, target=target)
        session.is_asked()
        if ends == "accepts":
            session.accept(
                *(["Sec-WebSocket-Protocol: realtime"] if where == "subprotocol" else [])
            )
        else:
            session.origin.send(b"no HTTP at all\r\n\r\n" if ends == "no HTTP" else b"")
            session.origin.finish()
        try:
            answer = session.is_answered()
        except AssertionError:  # it was cut off, which shows nothing
            assert _CREDENTIAL.encode() not in session.client.received
            return
        assert _CREDENTIAL.encode() not in answer.body, answer.body
        assert _CREDENTIAL not in str(answer.fields), answer.fields


@_law(
    "A whole session goes through as it was meant: opening, talk in turns, and its end.",
    "RFC 6455 as a whole",
    session=sessions(),
)
def whole_sessions(stand: Stand, session: Session) -> None:
    Playbook(stand, *session.steps).play()


PROXY_LAWS: Sequence[Law[Stand]] = (
    subprotocols,
    refusals,
    wrong_accept,
    early_messages,
    messages,
    fragments,
    large_messages,
    pings,
    closes,
    vanishing,
    honest_endings,
    violations,
    credentials,
    whole_sessions,
)
"""All of them. ``law.check(stand)`` searches for an example that breaks one."""


def _sides(session: StandSession, by: str) -> tuple[Peer, Peer]:
    """The peer of that name, and the other one."""
    both = (session.client, session.origin)
    return both if by == "client" else both[::-1]


def _exchange(
    stand: Stand, inbound: Sequence[Frame], outbound: Sequence[Frame], sizes: list[int]
) -> None:
    """Send both ways at once; wait until all has arrived."""
    with stand.session() as session:
        session.open()
        session.client.send(*cut(session.client.encode(*inbound), sizes))
        session.origin.send(*cut(session.origin.encode(*outbound), sizes))
        _wait_for(session, {"origin": inbound, "client": outbound})


def _wait_for(session: StandSession, due: dict[str, Sequence[Frame]]) -> None:
    """Wait until all that is due has reached each side, and fail at the first that is not due."""
    fidelity = session.front.fidelity

    def arrived(side: str, frames: Sequence[Frame]) -> bool:
        peer, sender = _sides(session, side)
        got: Sequence[object] | bytes
        expected: Sequence[object] | bytes
        if fidelity is Fidelity.BYTES:
            got, expected = bytes(peer.received), sender.encode(*frames)
        elif fidelity is Fidelity.FRAMES:
            got, expected = peer.frames, list(frames)
        else:
            got, expected = _messages(peer.frames), _messages(frames)
        assert got == expected[: len(got)], f"the {side} gets {got!r}, not {expected!r}"
        assert len(got) == len(expected) or not peer.ended, (
            f"the connection of the {side} has ended: it gets {got!r}, not {expected!r}"
        )
        return len(got) == len(expected)

    def all_arrived() -> bool:
        return all(arrived(side, frames) for side, frames in due.items())

    def so_far() -> str:
        got = [f"the {side} has {_sides(session, side)[0].frames}" for side in due]
        return f"not all has arrived: {', '.join(got)}"

    session.until(all_arrived, so_far)


def _messages(frames: Sequence[Frame]) -> list[tuple[int, bytes]]:
    return [item for item in delivered(frames) if item[0] not in {PING, PONG}]


def _vanish(stand: Stand, after: list[Frame], by: str) -> list[Frame]:
    """One side vanishes after some messages; what the other one gets until its end."""
    with stand.session() as session:
        session.open()
        vanishing, other = _sides(session, by)
        name = "origin" if by == "client" else "client"
        vanishing.send_frames(*after)
        _wait_for(session, {name: after})
        vanishing.reset()
        return session.is_ended(other, name)


def _is_over(peer: Peer) -> bool:
    """Whether a side has been told of an end; a Close is answered as it should be."""
    if any(frame.opcode == CLOSE for frame in peer.frames):
        if not peer.close_sent:
            peer.send_frames(close_frame(_DOING_WELL))
            peer.finish()
        return True
    return peer.ended


def _code(frame: Frame) -> int | None:
    return int.from_bytes(frame.payload[:2], "big") if frame.payload else None
