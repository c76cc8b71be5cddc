"""TLS contexts: the listeners' certificate, which may change, and the trust in providers."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from relay.tls import ServerTls, client_context
from tests.certificates import authority, server_context, write_pem


def handshake(
    client: ssl.SSLContext, server: ssl.SSLContext, name: str = "relay.test"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a handshake between two contexts.

    Raises:
        ssl.SSLError: It failed.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_end = client.wrap_bio(to_client, to_server, server_hostname=name)
    server_end = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client_end, server_end]
    while waiting:
        end = waiting.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(end)
    return client_end, server_end


def trusting(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client that trusts the tests' authority and speaks only that version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # the lowest level is what lets old versions try
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority().configure_trust(context)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def serial_number(tls: ServerTls) -> object:
    """The serial number of the certificate that a new connection gets."""
    client, _ = handshake(trusting(), tls.context())
    certificate = client.getpeercert()
    assert certificate is not None
    return certificate["serialNumber"]


def replace_file(path: Path, content: bytes) -> None:
    """Put another file in the place of one, as certificate tools do."""
    other = path.with_suffix(".new")
    other.write_bytes(content)
    os.replace(other, path)


def locked(key: Path) -> bytes:
    """The same private key behind a passphrase."""
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write_pem(tmp_path, "relay.test")


def test_a_client_that_trusts_the_authority_is_served(files: tuple[Path, Path]) -> None:
    client, _ = handshake(trusting(), ServerTls(*files).context())
    assert client.version() == "TLSv1.3"
    assert client.selected_alpn_protocol() == "http/1.1"


def test_no_ticket_follows_the_handshake(files: tuple[Path, Path]) -> None:
    """Nothing comes to a client before it has asked for something."""
    client, server = handshake(trusting(), ServerTls(*files).context())
    server.write(b"the answer")
    assert client.read(100) == b"the answer"
    assert client.session is not None
    assert not client.session.has_ticket


def test_tls_1_2_is_the_oldest_version_served(files: tuple[Path, Path]) -> None:
    server = ServerTls(*files).context()
    assert handshake(trusting(ssl.TLSVersion.TLSv1_2), server)[0].version() == "TLSv1.2"
    assert server.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_context_is_kept_while_the_files_are(files: tuple[Path, Path]) -> None:
    tls = ServerTls(*files)
    assert tls.context() is tls.context()


def test_files_that_changed_are_read_again(files: tuple[Path, Path], tmp_path: Path) -> None:
    tls = ServerTls(*files)
    before = serial_number(tls)
    write_pem(tmp_path, "relay.test")
    after = serial_number(tls)
    assert after != before
    assert tls.context() is tls.context()  # once


def test_files_that_were_replaced_are_read_again(files: tuple[Path, Path], tmp_path: Path) -> None:
    tls = ServerTls(*files)
    before = serial_number(tls)
    (tmp_path / "other").mkdir()
    for old, new in zip(files, write_pem(tmp_path / "other", "relay.test"), strict=True):
        replace_file(old, new.read_bytes())
    assert serial_number(tls) != before


@pytest.mark.parametrize("broken", ["certificate", "key", "both", "missing", "mismatch", "locked"])
def test_while_the_files_make_no_sense_the_old_ones_stay_in_force(
    files: tuple[Path, Path], tmp_path: Path, broken: str
) -> None:
    certificate, key = files
    tls = ServerTls(certificate, key)
    before = serial_number(tls)
    (tmp_path / "other").mkdir()
    good = [path.read_bytes() for path in write_pem(tmp_path / "other", "relay.test")]
    if broken in {"certificate", "both"}:
        replace_file(certificate, b"-----BEGIN CERTIFICATE-----\n")
    if broken in {"key", "both"}:
        replace_file(key, b"")
    if broken == "missing":
        key.unlink()
    if broken == "mismatch":
        replace_file(certificate, good[0])
    if broken == "locked":
        replace_file(key, locked(key))
    for _ in range(2):
        assert serial_number(tls) == before
    for path, content in zip(files, good, strict=True):
        replace_file(path, content)
    assert serial_number(tls) != before


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_file_is_an_error_at_the_start(files: tuple[Path, Path], missing: int) -> None:
    files[missing].unlink()
    with pytest.raises(FileNotFoundError, match=files[missing].name):
        ServerTls(*files)


def test_files_that_make_no_sense_are_an_error_at_the_start(files: tuple[Path, Path]) -> None:
    files[0].write_bytes(b"no certificate")
    with pytest.raises(OSError, match="PEM"):
        ServerTls(*files)


def test_a_key_with_a_passphrase_is_an_error_and_no_question(files: tuple[Path, Path]) -> None:
    files[1].write_bytes(locked(files[1]))
    with pytest.raises(OSError, match=r"(?i)decrypt|PEM lib|password"):
        ServerTls(*files)


def test_a_provider_is_verified_with_an_extra_trust_root(tmp_path: Path) -> None:
    root = tmp_path / "ca.pem"
    root.write_bytes(authority().cert_pem.bytes())
    trusting_it = client_context(root)
    client, server = handshake(trusting_it, server_context("relay.test"))
    assert client.version() == server.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        handshake(trusting_it, server_context("other.test"))
    with pytest.raises(ssl.SSLCertVerificationError, match=r"issuer|self-signed"):
        handshake(trusting_it, server_context("relay.test", issuer=trustme.CA()))
    systems = client_context().cert_store_stats()["x509_ca"]
    assert trusting_it.cert_store_stats()["x509_ca"] == systems + 1


def test_without_an_extra_root_the_systems_decide() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(client_context(), server_context("relay.test"))


def test_a_provider_must_speak_tls_1_2_and_is_offered_http_1_1_alone() -> None:
    context = client_context()
    context.load_verify_locations(cadata=authority().cert_pem.bytes().decode())
    server = server_context("relay.test")
    server.set_alpn_protocols(["h2", "http/1.1"])
    assert handshake(context, server)[1].selected_alpn_protocol() == "http/1.1"
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_trust_root_that_is_none_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    root = tmp_path / "ca.pem"
    if content is not None:
        root.write_bytes(content)
    with pytest.raises(OSError, match=r"PEM|No such file|certificate"):
        client_context(root)
