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

from relay.testing.failures import listed
from relay.testing.frames import (
    CLOSE,
    Frame,
    binary,
    close,
    close_code,
    delivered,
    ping,
    pong,
)
from relay.testing.handshakes import check_accepted
from relay.testing.hostile_frames import Rejected, mirror
from relay.testing.laws.cases import CLOSES, FAILED, HOSTILE, complete_before
from relay.testing.laws.exchange import (
    exchange,
    has_got,
    is_over,
    other_than,
    sides,
    vanish,
    wait_for,
)
from relay.testing.laws.law import Law, law
from relay.testing.playbook import Playbook
from relay.testing.sides import client, origin
from relay.testing.stand import Stand
from relay.testing.strategies import (
    Session,
    chunkings,
    close_frames,
    fragmented_messages,
    offers_and_choices,
    sessions,
    whole_messages,
)

__all__ = ["PROXY_LAWS"]

_BY = st.sampled_from(["client", "origin"])
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
        wait_for(session, {"client": messages})


@_law(
    "Messages arrive whole, in order and alone, however their bytes were cut, both ways at once.",
    "RFC 6455 5.2, 5.6",
    inbound=st.lists(whole_messages, max_size=4),
    outbound=st.lists(whole_messages, max_size=4),
    sizes=chunkings,
)
def messages(stand: Stand, inbound: list[Frame], outbound: list[Frame], sizes: list[int]) -> None:
    exchange(stand, inbound, outbound, sizes)


@_law(
    "Fragmented messages arrive as the same messages, with control frames between the fragments.",
    "RFC 6455 5.4",
    inbound=fragmented_messages(),
    outbound=fragmented_messages(),
    sizes=chunkings,
)
def fragments(stand: Stand, inbound: list[Frame], outbound: list[Frame], sizes: list[int]) -> None:
    exchange(stand, inbound, outbound, sizes)


@_law(
    "Messages arrive at each form of the payload length, up to 200,000 bytes.",
    "RFC 6455 5.2 (limits are allowed: 10.4)",
    max_examples=8,
    size=st.sampled_from([125, 126, 65535, 65536, 200_000]),
    by=_BY,
)
def large_messages(stand: Stand, size: int, by: str) -> None:
    large = [binary(b"x" * size)]
    exchange(stand, *((large, []) if by == "client" else ([], large)), [65536])


@_law(
    "A Ping is answered with its payload, or reaches the other side.",
    "RFC 6455 5.5.2, 5.5.3",
    payload=st.binary(max_size=125),
    by=_BY,
)
def pings(stand: Stand, payload: bytes, by: str) -> None:
    with stand.session() as session:
        session.open()
        sender, other = sides(session, by)
        sender.send_frames(ping(payload))

        def heard() -> bool:
            return pong(payload) in sender.frames or ping(payload) in other.frames

        session.until(heard, lambda: f"nobody has heard of the Ping of the {by}")


@_law(
    "A Close reaches the other side, with its code and its reason or empty, and so does its "
    "answer; then both connections end, and nothing more has come.",
    "RFC 6455 5.5.1, 7.1.1, 7.1.5, 7.1.6 (of intermediaries it asks nothing)",
    examples=[{"close": close(*each), "by": by} for each in CLOSES for by in ("client", "origin")],
    close=close_frames,
    by=_BY,
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
    by=_BY,
)
def vanishing(stand: Stand, after: list[Frame], by: str) -> None:
    vanish(stand, after, by)


@_law(
    "When one side vanishes, the other one is not told that all went well (1000).",
    "RFC 6455 7.4.1 (1000 means that the purpose was fulfilled); asked of endpoints alone",
    after=st.lists(whole_messages, max_size=2),
    by=_BY,
)
def honest_endings(stand: Stand, after: list[Frame], by: str) -> None:
    told = [close_code(frame) for frame in vanish(stand, after, by) if frame.opcode == CLOSE]
    assert _DOING_WELL not in told, f"the {by} has vanished, and the other side is told 1000"


@_law(
    "A violation ends its sender's session with 1002, 1007 or 1009 and the other one's, too, which "
    "gets nothing of it; or it is carried as it is, to whoever fails the connection.",
    "RFC 6455 5.1 to 5.5, 7.1.7 (the code is a SHOULD), 7.4.1, 8.1",
    examples=[{"hostile": each, "by": by} for each in HOSTILE for by in ("client", "origin")],
    hostile=st.sampled_from(HOSTILE),
    by=_BY,
)
def violations(stand: Stand, hostile: Rejected, by: str) -> None:
    turn: Callable[[bytes], bytes] = mirror if by == "origin" else bytes
    accepted, broken = turn(hostile.accepted), turn(hostile.broken)
    with stand.session() as session:
        session.open()
        sender, other = sides(session, by)
        sender.send(accepted + broken)

        def carried() -> bool:
            return bytes(other.received) == accepted + broken

        def over() -> bool:
            if len(other.received) > len(accepted) and (accepted + broken).startswith(
                other.received
            ):
                return carried()
            both = [is_over(sender), is_over(other)]  # each answers its Close
            return all(both)

        session.until(
            over,
            lambda: (
                "it is neither refused nor carried as it is: "
                f"the {by} {has_got(sender)}; the {other_than(by)} {has_got(other)}"
            ),
        )
        if carried():
            return
        to_sender, to_other = sender.frames, other.frames
    codes = [close_code(frame) for frame in to_sender if frame.opcode == CLOSE]
    assert codes, "the sender's connection is ended without a Close"
    assert set(codes) <= FAILED, f"the sender is told {codes}"
    got = [Frame(*item) for item in delivered(to_other) if item[0] < CLOSE]
    due = [Frame(*item) for item in complete_before(hostile)]
    assert got == due[: len(got)], (
        f"the {other_than(by)} gets {listed(got)}, of which {listed(due)} precedes it"
    )


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
            shown = bytes(session.client.received)
            assert _CREDENTIAL.encode() not in shown, f"what the client gets shows it: {shown!r}"
            return
        assert _CREDENTIAL.encode() not in answer.body, f"the body shows it: {answer.body!r}"
        assert _CREDENTIAL not in str(answer.fields), f"the field lines show it: {answer.fields}"


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
