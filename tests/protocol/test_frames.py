"""Frame headers, control frames and Close payloads."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import Close, LocalProtocolError, RemoteProtocolError, control_frame
from relay.protocol.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MAX_CONTROL_FRAME,
    PING,
    PONG,
    TEXT,
    FrameHeader,
    frame_header,
    mask,
)
from relay.testing.frames import Frame, decode
from relay.testing.strategies import close_payloads, masking_keys

MAY_STAND_IN_A_FRAME = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
KEY = bytes.fromhex("37fa213d")  # of the examples in RFC 6455 5.7

RFC_6455_5_7 = [
    ("8105 48656c6c6f", FrameHeader(fin=True, opcode=TEXT, payload_length=5, size=2)),
    ("8185 37fa213d 7f9f4d5158", FrameHeader(fin=True, opcode=TEXT, payload_length=5, size=6)),
    ("0103 48656c", FrameHeader(fin=False, opcode=TEXT, payload_length=3, size=2)),
    ("8002 6c6f", FrameHeader(fin=True, opcode=CONTINUATION, payload_length=2, size=2)),
    ("8905 48656c6c6f", FrameHeader(fin=True, opcode=PING, payload_length=5, size=2)),
    ("8a85 37fa213d 7f9f4d5158", FrameHeader(fin=True, opcode=PONG, payload_length=5, size=6)),
    ("827e 0100", FrameHeader(fin=True, opcode=BINARY, payload_length=256, size=4)),
    (
        "827f 0000000000010000",
        FrameHeader(fin=True, opcode=BINARY, payload_length=65536, size=10),
    ),
]


@pytest.mark.parametrize(("frame", "header"), RFC_6455_5_7)
def test_the_examples_of_rfc_6455_5_7_are_read(frame: str, header: FrameHeader) -> None:
    data = bytes.fromhex(frame)
    assert frame_header(data, 0, masked=data[1] >= 0x80) == header


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    ("length", "size"),
    [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10), (2**63 - 1, 10)],
)
def test_each_form_of_length_is_read_where_it_must_be_used(
    length: int, size: int, masked: bool
) -> None:
    frame = Frame(BINARY, missing=length).encode(KEY if masked else None)
    expected = FrameHeader(fin=True, opcode=BINARY, payload_length=length, size=len(frame))
    assert len(frame) == size + (4 if masked else 0)
    assert frame_header(frame, 0, masked=masked) == expected


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("length", [5, 300, 70_000])
def test_a_header_is_read_only_once_it_is_whole(length: int, masked: bool) -> None:
    header = Frame(TEXT, missing=length).encode(KEY if masked else None)
    for end in range(1, len(header)):
        assert frame_header(header[:end], 0, masked=masked) is None
    assert frame_header(header, 0, masked=masked) is not None


def test_a_header_is_read_where_it_stands() -> None:
    data = Frame(TEXT, b"before").encode(KEY) + Frame(BINARY, bytes(300)).encode(KEY)
    start = len(Frame(TEXT, b"before").encode(KEY))
    expected = FrameHeader(fin=True, opcode=BINARY, payload_length=300, size=8)
    assert frame_header(data, start, masked=True) == expected
    assert frame_header(data[: start + 7], start, masked=True) is None


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_of_all_first_two_bytes_only_valid_ones_pass(masked: bool, compressed: bool) -> None:
    extended = {126: (126).to_bytes(2, "big"), 127: (65536).to_bytes(8, "big")}
    for first, second in itertools.product(range(256), repeat=2):
        length = second % 128
        control = first in {0x88, 0x89, 0x8A} and length <= 125
        data = first in {0x00, 0x01, 0x02, 0x80, 0x81, 0x82}
        data |= compressed and first in {0x41, 0x42, 0xC1, 0xC2}
        valid = (control or data) and (second >= 128) is masked
        header = None
        with contextlib.suppress(RemoteProtocolError):
            header = frame_header(
                bytes([first, second]) + extended.get(length, b"") + KEY,
                0,
                masked=masked,
                compressed=compressed,
            )
        assert (header is not None) is valid
        if header is not None:
            assert (header.fin, header.opcode) == (first >= 128, first % 16)


BROKEN_AT_BYTE = [
    ("f1", "a reserved bit is set"),
    ("83", "reserved opcode"),
    ("0f", "reserved opcode"),
    ("09", "fragmented control frame"),
    ("8100", "frame is not masked"),
    ("89fe", "control frame payload over 125 bytes"),
    ("89ff", "control frame payload over 125 bytes"),
    ("82fe007d", "payload length not minimally encoded"),
    ("82ff000000000000ffff", "payload length not minimally encoded"),
    ("82ff8000000000000000", "payload length over 63 bits"),
    ("82ffffffffffffffffff", "payload length over 63 bits"),
]


@pytest.mark.parametrize(("header", "error"), BROKEN_AT_BYTE)
def test_a_broken_rule_is_found_at_the_byte_that_breaks_it(header: str, error: str) -> None:
    data = bytes.fromhex(header)
    for end in range(1, len(data)):
        assert frame_header(data[:end], 0, masked=True) is None
    with pytest.raises(RemoteProtocolError, match=f"^{error}$") as raised:
        frame_header(data, 0, masked=True)
    assert raised.value.close_code_hint == 1002


def test_a_provider_must_not_mask() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^frame is masked$"):
        frame_header(Frame(TEXT, b"Hello").encode(KEY), 0, masked=False)


def test_masking_is_that_of_rfc_6455_5_7_and_its_own_inverse() -> None:
    assert mask(b"Hello", KEY) == bytes.fromhex("7f9f4d5158")
    assert mask(mask(b"Hello", KEY), KEY) == b"Hello"


@given(payload=st.binary(max_size=130), key=masking_keys)
def test_masking_repeats_the_key_over_the_payload(payload: bytes, key: bytes) -> None:
    expected = bytes(octet ^ key[i % 4] for i, octet in enumerate(payload))
    assert mask(payload, key) == expected


def test_control_frames_are_those_of_rfc_6455_5_7() -> None:
    assert control_frame(PING, b"Hello", None) == bytes.fromhex("890548656c6c6f")
    assert control_frame(PONG, b"Hello", KEY) == bytes.fromhex("8a8537fa213d7f9f4d5158")


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("size", [0, 1, 125])
@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_a_control_frame_carries_up_to_125_bytes(opcode: int, size: int, key: bytes | None) -> None:
    payload = b"p" * size
    built = control_frame(opcode, payload, key)
    assert decode(built, masked=key is not None) == [Frame(opcode, payload)]
    assert len(built) <= MAX_CONTROL_FRAME


def test_the_largest_control_frame_is_of_131_bytes() -> None:
    assert len(control_frame(PING, b"p" * 125, KEY)) == MAX_CONTROL_FRAME == 131


@pytest.mark.parametrize("key", [None, KEY])
def test_a_longer_control_frame_is_not_built(key: bytes | None) -> None:
    with pytest.raises(LocalProtocolError, match=r"^control frame payload over 125 bytes$"):
        control_frame(PING, b"p" * 126, key)


@given(payload=close_payloads)
def test_a_close_says_again_what_it_was_read_from(payload: bytes) -> None:
    assert Close.parse(payload).payload() == payload


def test_an_empty_close_has_no_code() -> None:
    assert Close.parse(b"") == Close(None, "")
    assert Close(None).payload() == b""


def test_of_all_codes_those_of_rfc_6455_7_4_and_iana_may_stand_in_a_frame() -> None:
    read, written = set(), set()
    for code in range(65536):
        payload = code.to_bytes(2, "big") + b"why"
        with contextlib.suppress(RemoteProtocolError):
            assert Close.parse(payload) == Close(code, "why")
            read.add(code)
        with contextlib.suppress(LocalProtocolError):
            assert Close(code, "why").payload() == payload
            written.add(code)
    assert read == written == MAY_STAND_IN_A_FRAME


@pytest.mark.parametrize("code", [1004, 1005, 1006, 1015, 2999])
def test_a_code_that_must_not_stand_in_a_frame_is_a_violation(code: int) -> None:
    with pytest.raises(
        RemoteProtocolError, match=r"^invalid status code in Close frame$"
    ) as raised:
        Close.parse(code.to_bytes(2, "big"))
    assert raised.value.close_code_hint == 1002
    with pytest.raises(LocalProtocolError, match=f"^status code {code} must not stand"):
        Close(code).payload()


def test_a_close_of_one_byte_is_a_violation() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^Close frame with one byte$") as raised:
        Close.parse(b"\x03")
    assert raised.value.close_code_hint == 1002


@pytest.mark.parametrize("reason", [b"\xff", b"ok \xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_a_reason_that_is_not_utf_8_is_1007(reason: bytes) -> None:
    with pytest.raises(
        RemoteProtocolError, match=r"^reason of Close frame is not UTF-8$"
    ) as raised:
        Close.parse(b"\x03\xe8" + reason)
    assert raised.value.close_code_hint == 1007


def test_an_empty_close_cannot_have_a_reason() -> None:
    with pytest.raises(LocalProtocolError, match="without a status code"):
        Close(None, "why").payload()
