"""Who a request comes from, when proxies have passed it on."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import Refused, TrustedProxies, client_address
from tests.protocol.handshakes import refused

NEAR, FAR = ip_address("10.0.0.1"), ip_address("10.0.0.2")
CLIENT = ip_address("192.0.2.7")
TRUSTED = TrustedProxies((ip_network("10.0.0.0/8"),))

Lines = list[tuple[str, str]]


def client(*lines: tuple[str, str], peer: object = NEAR, trusted: TrustedProxies = TRUSTED) -> str:
    """The address of a client whose request has these field lines."""
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in lines]
    return str(client_address(peer, fields, trusted))  # type: ignore[arg-type]


def x_forwarded_for(value: str) -> tuple[str, str]:
    return "X-Forwarded-For", value


def forwarded(value: str) -> tuple[str, str]:
    return "Forwarded", value


def elements(value: str) -> tuple[str, str]:
    """The same addresses as elements of ``Forwarded``."""
    hops = [each.strip() for each in value.split(",")]
    return forwarded(", ".join(f'for="[{hop}]"' if ":" in hop else f"for={hop}" for hop in hops))


in_both_fields = pytest.mark.parametrize("field", [x_forwarded_for, elements])


@in_both_fields
@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("198.51.100.9, 192.0.2.7, 10.0.0.3, 10.0.0.2", "192.0.2.7"),
        ("10.9.9.9, 192.0.2.7", "192.0.2.7"),  # what stands left of a stranger is its own
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("unknown", "10.0.0.1"),
        ("192.0.2.7, unknown", "10.0.0.1"),
        ("192.0.2.7, _hidden, 10.0.0.2", "10.0.0.2"),
    ],
)
def test_the_nearest_that_is_no_proxy_of_ours(field: object, value: str, address: str) -> None:
    assert client(field(value)) == address  # type: ignore[operator]


@in_both_fields
def test_a_stranger_is_not_believed(field: object) -> None:
    line = field("198.51.100.9")  # type: ignore[operator]
    assert client(line, peer=CLIENT) == "192.0.2.7"
    assert client(forwarded('"'), x_forwarded_for("?"), peer=CLIENT) == "192.0.2.7"
    assert client(line, peer=None) == "None"
    assert client(line, trusted=TrustedProxies()) == "10.0.0.1"


def test_a_unix_socket_that_is_trusted() -> None:
    trusted = TrustedProxies(unix=True)
    assert client(x_forwarded_for("192.0.2.7"), peer=None, trusted=trusted) == "192.0.2.7"
    assert client(peer=None, trusted=trusted) == "None"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("X-Real-IP", "192.0.2.7"), ("True-Client-IP", "192.0.2.7"), ("Via", "1.1 192.0.2.7")],
        [x_forwarded_for(""), x_forwarded_for(" , ")],
        [forwarded(""), forwarded(" ,; ,")],
    ],
)
def test_a_proxy_that_says_nothing(lines: Lines) -> None:
    assert client(*lines) == "10.0.0.1"


def test_lines_are_one_list_from_first_to_last() -> None:
    assert client(x_forwarded_for("192.0.2.7"), x_forwarded_for("10.0.0.2")) == "192.0.2.7"
    assert client(x_forwarded_for("198.51.100.9"), x_forwarded_for("192.0.2.7")) == "192.0.2.7"
    assert client(forwarded("for=198.51.100.9"), forwarded("for=192.0.2.7")) == "192.0.2.7"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.7:443", "192.0.2.7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("192.0.2.7:_port", "192.0.2.7"),
        (",, 192.0.2.7 ,,", "192.0.2.7"),
        ("Unknown:80", "10.0.0.1"),
        ("rubbish, 192.0.2.7", "192.0.2.7"),
    ],
)
def test_the_forms_of_x_forwarded_for(value: str, address: str) -> None:
    assert client(x_forwarded_for(value)) == address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("for=192.0.2.7;proto=https;by=203.0.113.43", "192.0.2.7"),
        ('proto=https; For="192.0.2.7:47011" ;host=relay.test', "192.0.2.7"),
        ('for="[2001:db8::7]:47011"', "2001:db8::7"),
        (r'for="192\.0.2.7"', "192.0.2.7"),
        ('for=198.51.100.9;ext="a, for=10.0.0.2;\\"", for=192.0.2.7', "192.0.2.7"),
        (";;for=192.0.2.7;,", "192.0.2.7"),
        ("for=192.0.2.7, proto=https", "10.0.0.1"),  # the nearest one does not say
        ("for=rubbish, for=192.0.2.7", "192.0.2.7"),
        ('for=192.0.2.7;secret=""', "192.0.2.7"),
    ],
)
def test_the_forms_of_forwarded(value: str, address: str) -> None:
    assert client(forwarded(value)) == address


@pytest.mark.parametrize(
    "value",
    [
        *("rubbish", "192.0.2", "192.0.2.256", "192.0.2.7:", "192.0.2.7:123456", "192.0.2.7:x"),
        *("[192.0.2.7", "[2001:db8::g]", "2001:db8::7::", "[2001:db8::7]443", "[]", "fe80::1%eth0"),
        *("192.0.2.7 10.0.0.2", "relay.test", "192.0.2.7, \xff", "'192.0.2.7'", "_", "0x7f.1"),
    ],
)
def test_an_entry_that_counts_and_is_no_address(value: str) -> None:
    with refused(400, 2000) as caught:
        client(x_forwarded_for(value))
    assert str(caught.value) == "malformed X-Forwarded-For"
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        *("192.0.2.7", "for", "for=", "for =192.0.2.7", "for= 192.0.2.7", "=192.0.2.7"),
        *('for="192.0.2.7', 'for=192.0.2.7"', 'for="192.0.2.7"x', "for=[2001:db8::7]"),
        *("for=192.0.2.7;for=192.0.2.7", "For=192.0.2.7;proto=http;fOR=10.0.0.2"),
        *('for=192.0.2.7;x="\\"', "for=192.0.2.7 proto=http", 'for=""', "for=relay.test"),
        *('for=192.0.2.7;x="y" "z"', "for=192.0.2.7;\xff=1", 'for="[2001:db8::7"'),
    ],
)
def test_what_is_no_forwarded(value: str) -> None:
    with refused(400, 2000) as caught:
        client(forwarded(value))
    assert str(caught.value) == "malformed Forwarded"


@pytest.mark.parametrize("honest", ["for=192.0.2.7", 'for="[2001:db8::7]"', 'for="192.0.2.7:1"'])
@pytest.mark.parametrize("forged", ['for="', 'for=198.51.100.9;x="', 'for="\\'])
def test_a_quotation_mark_that_a_client_left_open_gains_it_nothing(
    forged: str, honest: str
) -> None:
    with refused(400, 2000):
        client(forwarded(f"{forged}, {honest}"))
    with refused(400, 2000):
        client(forwarded(forged), forwarded(honest))


def test_two_fields_have_to_agree() -> None:
    assert client(elements("192.0.2.7, 10.0.0.2"), x_forwarded_for("192.0.2.7")) == "192.0.2.7"
    with refused(400, 2000) as caught:
        client(elements("198.51.100.9"), x_forwarded_for("192.0.2.7"))
    assert "different clients" in str(caught.value)


values = st.text(st.sampled_from('for=;, "\\[]:.0129abcdef_unknw\t\xff'), max_size=40)


@given(st.lists(st.tuples(st.sampled_from(["Forwarded", "X-Forwarded-For"]), values), max_size=3))
def test_the_law_any_lines_give_an_address_or_a_refusal(lines: Lines) -> None:
    try:
        found = client(*lines)
    except Refused as error:
        found = f"{error.status} {error.code}"
    assert found == "400 2000" or str(ip_address(found)) == found
    assert client(*lines, peer=CLIENT) == "192.0.2.7"
