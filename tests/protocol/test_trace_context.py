"""Tests of relay.protocol.trace_context."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol.secret import Secret
from relay.protocol.trace_context import TraceContext, read_trace_context

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "b7ad6b7169203331"


def read(*lines: tuple[str, str], own: str = "sk-1") -> TraceContext:
    fields = [(name.encode(), value.encode()) for name, value in lines]
    return read_trace_context(fields, [Secret(own.encode())])


def traced(value: str) -> tuple[str, str]:
    return ("cf-aig-otel-trace-id", value)


def child_of(value: str) -> tuple[str, str]:
    return ("cf-aig-otel-parent-span-id", value)


def w3c(value: str) -> tuple[str, str]:
    return ("traceparent", value)


def test_a_session_is_in_no_trace_unless_it_says_so() -> None:
    assert read() == TraceContext(None, None)


def test_the_field_lines_of_the_wire_contract() -> None:
    assert read(traced(TRACE), child_of(PARENT)) == (TRACE, PARENT)
    assert read(traced(TRACE.upper()), child_of(PARENT.upper())) == (TRACE, PARENT)
    assert read(traced(TRACE)) == (TRACE, None)
    assert read(traced(TRACE), child_of("0" * 16)) == (TRACE, None)
    assert read(traced(TRACE), child_of("x")) == (TRACE, None)
    assert read(child_of(PARENT)) == (None, None)


def test_traceparent() -> None:
    assert read(w3c(f"00-{TRACE}-{PARENT}-01")) == (TRACE, PARENT)
    assert read(w3c(f"00-{TRACE}-{PARENT}-00")) == (TRACE, PARENT)
    assert read(w3c(f"cc-{TRACE}-{PARENT}-01-what-comes")) == (TRACE, PARENT)


def test_what_is_said_to_the_relay_alone_goes_before() -> None:
    both = (traced(OTHER), w3c(f"00-{TRACE}-{PARENT}-01"))
    assert read(*both) == (OTHER, None)
    assert read(traced("x"), both[1]) == (TRACE, PARENT)


@pytest.mark.parametrize(
    "value",
    ["", "x", TRACE[1:], TRACE + "0", "0" * 32, "g" * 32, f" {TRACE}", TRACE + "\n"],
)
def test_what_is_no_trace_id_counts_as_absent(value: str) -> None:
    assert read(traced(value), child_of(PARENT)) == (None, None)


@pytest.mark.parametrize(
    "value",
    [
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01-more",
        f"ff-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
    ],
)
def test_what_is_no_traceparent_counts_as_absent(value: str) -> None:
    assert read(w3c(value)) == (None, None)


def test_a_repeated_line_counts_as_absent() -> None:
    assert read(traced(TRACE), traced(TRACE)) == (None, None)
    assert read(w3c(f"00-{TRACE}-{PARENT}-01"), w3c(f"00-{TRACE}-{PARENT}-01")) == (None, None)


def test_no_credential_gets_into_a_record() -> None:
    assert read(traced(TRACE), own=TRACE) == (None, None)
    assert read(w3c(f"00-{TRACE}-{PARENT}-01"), own=PARENT) == (None, None)


@given(st.sampled_from([traced(""), child_of(""), w3c("")]), st.binary(max_size=80))
def test_law_any_bytes_give_ids_or_none(line: tuple[str, str], value: bytes) -> None:
    name = line[0].encode()
    trace, parent = read_trace_context([(name, value)], [])
    assert trace is None or re.fullmatch("[0-9a-f]{32}", trace)
    assert parent is None or re.fullmatch("[0-9a-f]{16}", parent)
