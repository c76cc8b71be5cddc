"""The negotiation of permessage-deflate: offers read, and the answer checked against them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from websockets.exceptions import InvalidHeaderFormat, NegotiationError
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.headers import parse_extension

from relay.protocol import PermessageDeflate, compression
from relay.protocol.compression import accepted_compression, offered_compression

NAME = b"sec-websocket-extensions"
DEFLATE = "permessage-deflate"


def offered(*lines: str) -> list[str]:
    """What is offered in these field lines, as it stands in one."""
    fields = [(b"host", b"relay.test"), *((NAME, line.encode("latin-1")) for line in lines)]
    return [str(offer) for offer in offered_compression(fields)]


def accepted(answer: str, *offers: str) -> str | None:
    """What a provider accepted of these offers."""
    (*read,) = offered_compression([(NAME, offer.encode()) for offer in offers])
    assert len(read) == len(offers)
    found = accepted_compression([(NAME, answer.encode("latin-1"))], read)
    return None if found is None else str(found)


# --- offers ---------------------------------------------------------------------------------------


def test_without_the_field_nothing_is_offered() -> None:
    assert offered() == []


@pytest.mark.parametrize(
    "offer",
    [
        DEFLATE,
        f"{DEFLATE}; client_max_window_bits",  # browsers
        f"{DEFLATE}; client_max_window_bits=15; server_max_window_bits=8",
        f"{DEFLATE}; server_max_window_bits=10; client_max_window_bits=9",  # its order is kept
        f"{DEFLATE}; client_no_context_takeover; server_no_context_takeover",
    ],
)
def test_an_offer_is_read(offer: str) -> None:
    assert offered(offer) == [offer]


def test_parameters_keep_their_order_and_their_values() -> None:
    line = b"permessage-deflate; server_max_window_bits=10; client_max_window_bits"
    (offer,) = offered_compression([(NAME, line)])
    assert offer == PermessageDeflate(
        (("server_max_window_bits", 10), ("client_max_window_bits", None))
    )


def test_offers_keep_their_order_over_all_field_lines() -> None:
    assert offered(
        f"{DEFLATE}; server_no_context_takeover, {DEFLATE}; server_max_window_bits=9", DEFLATE
    ) == [f"{DEFLATE}; server_no_context_takeover", f"{DEFLATE}; server_max_window_bits=9", DEFLATE]


@pytest.mark.parametrize(
    "line",
    [
        f"{DEFLATE};client_max_window_bits=10",
        f" \t{DEFLATE} \t; \tclient_max_window_bits \t= \t10 \t",
        f'{DEFLATE}; client_max_window_bits="10"',
        f'{DEFLATE}; client_max_window_bits="1\\0"',
        f", ,{DEFLATE}; client_max_window_bits=10,,",
        f'x-other; a; b=c; d="e", {DEFLATE}; client_max_window_bits=10, y-other',
    ],
)
def test_an_offer_is_written_in_one_way(line: str) -> None:
    assert offered(line) == [f"{DEFLATE}; client_max_window_bits=10"]


@pytest.mark.parametrize(
    "offer",
    [
        "x-webkit-deflate-frame",
        "Permessage-Deflate",
        "permessage-deflate-2",
        f"{DEFLATE}; unknown",
        f"{DEFLATE}; unknown=1",
        f"{DEFLATE}; server_no_context_takeover=1",
        f"{DEFLATE}; client_no_context_takeover=true",
        f"{DEFLATE}; server_max_window_bits",
        *(
            f"{DEFLATE}; {side}_max_window_bits={bits}"
            for side in ("server", "client")
            for bits in ("7", "16", "0", "08", "010", "99", "1", "x", "+9", "-9", "1e1", "9_9")
        ),
        f"{DEFLATE}; client_no_context_takeover; client_no_context_takeover",
        f"{DEFLATE}; client_max_window_bits; client_max_window_bits=9",
        f"{DEFLATE}; server_max_window_bits=9; server_max_window_bits=9",
    ],
)
def test_what_a_server_has_to_decline_is_left_out(offer: str) -> None:
    """And the other offers beside it stay (RFC 7692 7.1)."""
    assert offered(offer) == []
    assert offered(f"{DEFLATE}; server_max_window_bits=9, {offer}", DEFLATE) == [
        f"{DEFLATE}; server_max_window_bits=9",
        DEFLATE,
    ]


@pytest.mark.parametrize(
    "line",
    [
        ";",
        "=",
        '"',
        f'"{DEFLATE}"',
        f"{DEFLATE};",
        f"{DEFLATE}; ;",
        f"{DEFLATE} {DEFLATE}",
        f"{DEFLATE}; client_max_window_bits=",
        f"{DEFLATE}; client_max_window_bits 10",
        f"{DEFLATE}; client_max_window_bits==10",
        f"{DEFLATE}; =10",
        f'{DEFLATE}; client_max_window_bits=""',
        f'{DEFLATE}; client_max_window_bits="1 0"',
        f'{DEFLATE}; client_max_window_bits="10',
        f'{DEFLATE}; client_max_window_bits="10\\"',
        f'{DEFLATE}; client_max_window_bits="1"0',
        f"{DEFLATE}; client_max_window_bits=1\xb2",
        f"x-other; a=b c, {DEFLATE}",
        "caf\xe9",
        "a/b",
    ],
)
def test_a_field_that_is_not_of_the_grammar_offers_nothing(line: str) -> None:
    assert offered(line) == []
    assert offered(DEFLATE, line, DEFLATE) == []


@pytest.mark.parametrize(
    "line",
    [
        " " * 300_000 + "/",
        "a; b" + " " * 300_000 + "/",
        "a; " + "b" * 300_000 + "/",
        "a; " + "b;" * 100_000 + "/",
        "a" + "; b=c" * 100_000 + " /",
        'a; b="' + "c\\" * 100_000,
        "," * 300_000 + "/",
    ],
    ids=lambda line: line[:8],
)
def test_no_field_takes_long_to_read(line: str) -> None:
    """If the time grew with the square of the size, it would be minutes and not milliseconds."""
    assert offered(line) == []


# --- the answer -----------------------------------------------------------------------------------

EVERY = f"{DEFLATE}; client_max_window_bits"


def test_without_the_field_nothing_is_accepted() -> None:
    assert accepted_compression([(b"upgrade", b"websocket")], [PermessageDeflate()]) is None
    assert accepted_compression([], []) is None


@pytest.mark.parametrize(
    ("answer", "offers"),
    [
        (DEFLATE, [DEFLATE]),
        (DEFLATE, [EVERY]),
        # 7.1.1: a server may say that it does without context, and that the client has to.
        (f"{DEFLATE}; server_no_context_takeover; client_no_context_takeover", [DEFLATE]),
        (f"{DEFLATE}; server_no_context_takeover", [f"{DEFLATE}; server_no_context_takeover"]),
        (DEFLATE, [f"{DEFLATE}; client_no_context_takeover"]),  # which only hints
        # 7.1.2.1: it may limit its own window unasked, or further than asked.
        (f"{DEFLATE}; server_max_window_bits=8", [DEFLATE]),
        (f"{DEFLATE}; server_max_window_bits=15", [DEFLATE]),
        (f"{DEFLATE}; server_max_window_bits=10", [f"{DEFLATE}; server_max_window_bits=10"]),
        (f"{DEFLATE}; server_max_window_bits=9", [f"{DEFLATE}; server_max_window_bits=10"]),
        # 7.1.2.2: and that of a client which says that it could.
        (f"{DEFLATE}; client_max_window_bits=15", [EVERY]),
        (f"{DEFLATE}; client_max_window_bits=8", [EVERY]),
        (f"{DEFLATE}; client_max_window_bits=9", [f"{DEFLATE}; client_max_window_bits=9"]),
        (DEFLATE, [f"{DEFLATE}; client_max_window_bits=9"]),
        # It is the answer to any one of the offers.
        (DEFLATE, [f"{DEFLATE}; server_max_window_bits=10", DEFLATE]),
        (f"{DEFLATE}; client_max_window_bits=12", [DEFLATE, EVERY]),
    ],
)
def test_what_answers_an_offer_is_accepted(answer: str, offers: list[str]) -> None:
    assert accepted(answer, *offers) == answer


def test_an_answer_is_written_in_one_way() -> None:
    answer = f'{DEFLATE};client_max_window_bits="12" ; server_no_context_takeover'
    expected = f"{DEFLATE}; client_max_window_bits=12; server_no_context_takeover"
    assert accepted(answer, EVERY) == expected


@pytest.mark.parametrize("answer", ["", ",", ";", "a b", f"{DEFLATE}, {DEFLATE}", f"{DEFLATE}, x"])
def test_an_answer_is_one_extension(answer: str) -> None:
    with pytest.raises(compression.NegotiationError, match=r"^not one extension"):
        accepted(answer, DEFLATE)


@pytest.mark.parametrize(
    ("answer", "offers"),
    [(DEFLATE, []), ("x-other", []), ("x-other", [DEFLATE]), ("Permessage-Deflate", [DEFLATE])],
)
def test_an_extension_that_was_not_offered(answer: str, offers: list[str]) -> None:
    with pytest.raises(compression.NegotiationError, match=r"^an extension that was not offered$"):
        accepted(answer, *offers)


@pytest.mark.parametrize(
    ("answer", "offers"),
    [
        (f"{DEFLATE}; unknown", [EVERY]),
        (f"{DEFLATE}; server_no_context_takeover=1", [EVERY]),
        (f"{DEFLATE}; server_no_context_takeover; server_no_context_takeover", [EVERY]),
        (f"{DEFLATE}; server_max_window_bits", [EVERY]),
        (f"{DEFLATE}; server_max_window_bits=7", [EVERY]),
        (f"{DEFLATE}; server_max_window_bits=16", [EVERY]),
        (f"{DEFLATE}; client_max_window_bits=7", [EVERY]),
        (f"{DEFLATE}; client_max_window_bits", [EVERY]),  # how large, then?
        (f"{DEFLATE}; client_max_window_bits=15", [DEFLATE]),
        (f"{DEFLATE}; client_max_window_bits=10", [f"{DEFLATE}; client_max_window_bits=9"]),
        (f"{DEFLATE}; server_max_window_bits=11", [f"{DEFLATE}; server_max_window_bits=10"]),
        (DEFLATE, [f"{DEFLATE}; server_max_window_bits=10"]),
        (DEFLATE, [f"{DEFLATE}; server_max_window_bits=15"]),
        (DEFLATE, [f"{DEFLATE}; server_no_context_takeover"]),
        # Each half answers one of the offers, the whole answers none.
        (
            f"{DEFLATE}; client_max_window_bits=9",
            [DEFLATE, f"{DEFLATE}; server_max_window_bits=9; client_max_window_bits"],
        ),
    ],
)
def test_what_answers_no_offer(answer: str, offers: list[str]) -> None:
    with pytest.raises(compression.NegotiationError, match=r"^permessage-deflate in another way"):
        accepted(answer, *offers)


# --- laws: a reader that is not ours agrees -------------------------------------------------------

BITS = st.sampled_from(["7", "8", "9", "10", "15", "16", "09", '"9"', ""])
PARAMETERS = st.one_of(
    st.sampled_from(["server_no_context_takeover", "client_no_context_takeover", "unknown"]),
    st.sampled_from(["server_max_window_bits", "client_max_window_bits"]),
    st.builds(
        "{}={}".format,
        st.sampled_from(["server_max_window_bits", "client_max_window_bits"]),
        BITS,
    ),
)
EXTENSIONS = st.builds(
    lambda name, parameters: "; ".join([name, *parameters]),
    st.sampled_from([*[DEFLATE] * 4, "x-other"]),
    st.lists(PARAMETERS, max_size=4),
)
ANY_FIELD = st.lists(
    st.text(st.sampled_from("ab09-_ \t;,=\"\\'/\xe9"), max_size=8) | EXTENSIONS, max_size=4
).map(lambda parts: ",".join(parts).strip(" \t"))  # as a reader of field lines leaves it


@given(line=ANY_FIELD)
@example(line=f'{DEFLATE}; client_max_window_bits="1\\2"')
def test_what_is_offered_is_read_as_websockets_reads_it(line: str) -> None:
    read = offered(line)
    try:
        parsed = parse_extension(line)
    except InvalidHeaderFormat:
        assert read == []
        return
    event("of the grammar")
    acceptable = [each for each in parsed if each[0] == DEFLATE and acceptable_offer(each[1])]
    assert [parse_extension(offer) for offer in read] == [[each] for each in acceptable]


def acceptable_offer(parameters: Sequence[tuple[str, str | None]]) -> bool:
    server = ServerPerMessageDeflateFactory()
    try:
        server.process_request_params(parameters, [])
    except NegotiationError as refused:
        return "use 9" in str(refused)  # zlib cannot, others can
    return True


@given(
    server_takeover=st.booleans(),
    client_takeover=st.booleans(),
    server_bits=st.none() | st.integers(8, 15),
    client_bits=st.none() | st.just(True) | st.integers(9, 15),
    answer=EXTENSIONS.filter(lambda text: not text.startswith("x-")),
)
def test_an_answer_is_accepted_as_websockets_accepts_it(
    server_takeover: bool,
    client_takeover: bool,
    server_bits: int | None,
    client_bits: int | bool | None,
    answer: str,
) -> None:
    client = ClientPerMessageDeflateFactory(
        server_no_context_takeover=server_takeover,
        client_no_context_takeover=client_takeover,
        server_max_window_bits=server_bits,
        client_max_window_bits=client_bits,
    )
    offer = "; ".join(
        [
            DEFLATE,
            *(
                name if value is None else f"{name}={value}"
                for name, value in client.get_request_params()
            ),
        ]
    )
    try:
        ((_, parameters),) = parse_extension(answer)
        client.process_response_params(parameters, [])
    except InvalidHeaderFormat:
        valid = False
    except NegotiationError as refused:
        valid = "use 9" in str(refused)  # zlib cannot, others can
    else:
        valid = True
    event("valid" if valid else "not valid")
    try:
        assert accepted(answer, offer) is not None
    except compression.NegotiationError:
        assert not valid
    else:
        assert valid
