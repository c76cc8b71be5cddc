from __future__ import annotations

import pytest

from relay.protocol import (
    ClientHandshake,
    Limits,
    LocalProtocolError,
    ProtocolError,
    ProviderRefused,
    Refused,
    RemoteProtocolError,
)


@pytest.mark.parametrize("error", [LocalProtocolError, RemoteProtocolError])
def test_broken_rules_are_protocol_errors(error: type[Exception]) -> None:
    assert issubclass(error, ProtocolError)


def test_a_refusal_is_policy_and_no_protocol_error() -> None:
    assert not issubclass(Refused, ProtocolError)


def test_a_violation_is_told_with_1002_unless_it_says_otherwise() -> None:
    assert RemoteProtocolError("a masked frame").close_code_hint == 1002
    assert RemoteProtocolError("too big", close_code_hint=1009).close_code_hint == 1009


def test_a_refusal_carries_its_answer() -> None:
    refused = Refused(
        429, 2003, "too many sessions", fields=(("Retry-After", "1"),), proxy_error="x"
    )
    assert str(refused) == refused.message == "too many sessions"
    assert (refused.status, refused.code) == (429, 2003)
    assert refused.fields == (("Retry-After", "1"),)
    assert refused.proxy_error == "x"


def test_a_refusal_has_no_field_lines_and_no_proxy_error_by_default() -> None:
    refused = Refused(404, 2001, "no such gateway")
    assert (refused.fields, refused.proxy_error) == ((), None)


@pytest.mark.parametrize("status", [400, 499, 500, 599])
def test_a_refusal_is_a_4xx_or_a_5xx(status: int) -> None:
    assert Refused(status, 2000, "no").status == status


@pytest.mark.parametrize("status", [-1, 0, 100, 101, 200, 302, 399, 600, 999])
def test_another_status_refuses_nobody(status: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"4xx or 5xx, and not {status}$"):
        Refused(status, 2000, "no")
    with pytest.raises(LocalProtocolError):
        ProviderRefused(status, "no", fields=(), body=None)


@pytest.mark.parametrize(
    "value", ["", "1", "a b", "a \t b", "x" * 10_000, "caf\xe9", "\x80\xff", ";="]
)
def test_what_can_stand_in_a_field_line_of_a_refusal_is_sent(value: str) -> None:
    client = ClientHandshake(Limits())
    sent = client.refuse(Refused(429, 2003, "full", fields=(("X-Why!", value),)), "id")
    assert b"\r\nX-Why!: " + value.encode("latin-1") + b"\r\n" in sent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("X-Why", value)
            for value in ("a\r\nb", "a\n", "\ra", "a\0", "\x7f", "\x0b", " a", "a\t", " ", "€")
        ),
        *((name, "a") for name in ("", "X Why", "X-Why:", "X\r\nWhy", "X-Why\n", "Caf\xe9", "(x)")),
        ("Connection", "keep-alive"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_what_would_break_the_answer_is_no_field_line_of_a_refusal(name: str, value: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a field line of a refusal is malformed"):
        Refused(403, 2010, "no", fields=(("Retry-After", "1"), (name, value)))


@pytest.mark.parametrize("proxy_error", ["", "a b", "a\r\nb", 'a"'])
def test_an_error_type_is_a_token(proxy_error: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"is no token$"):
        Refused(502, 2100, "no", proxy_error=proxy_error)


def test_a_providers_refusal_is_a_refusal_with_its_body() -> None:
    refused = ProviderRefused(403, "no", fields=(("Retry-After", "1"),), body=b"{}")
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code, refused.body) == (403, 2100, b"{}")
    assert refused.fields == (("Retry-After", "1"),)
    assert refused.proxy_error is None


@pytest.mark.parametrize(
    ("refused", "status", "code", "proxy_error", "message"),
    [
        (Refused.draining(), 503, 2102, "destination_unavailable", "draining"),
        (Refused.fault(), 500, 2000, "proxy_internal_error", "internal error"),
    ],
)
def test_what_only_a_driver_finds_out(
    refused: Refused, status: int, code: int, proxy_error: str, message: str
) -> None:
    assert (refused.status, refused.code, refused.proxy_error) == (status, code, proxy_error)
    assert message in refused.message


def test_who_is_refused_because_the_relay_stops_may_come_again() -> None:
    assert Refused.draining().fields == (("Retry-After", "1"),)
