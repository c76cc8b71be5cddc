"""The shape of ``relay.toml``: its types, and what its values may be."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from relay.config.model import (
    ConfigModel,
    Count,
    Duration,
    GatewayModel,
    GatewayName,
    Name,
    OptionalDuration,
    OriginText,
    ProviderModel,
    Sha256,
    Size,
    checked_name,
)

MISFITS: list[object] = [0, 1, -1, 1.5, True, None, [], {}, b"x"]  # of other types


def accepts(type_: Any, value: object) -> bool:
    try:
        TypeAdapter(type_).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1ms", 0.001), ("500ms", 0.5), ("10s", 10), ("1.5s", 1.5), ("5m", 300), ("2h", 7200)],
)
def test_a_duration_is_in_seconds(text: str, seconds: float) -> None:
    assert TypeAdapter(Duration).validate_python(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "s", "10 s", " 10s", "10s\n", "-1s", "+1s", "1e3s", ".5s", "5.s", "1_000s"),
        *("10S", "1d", "1m30s", "inf", "nan", "\uff11\uff10s", "10sec"),
    ],
)
def test_what_is_no_duration(text: str) -> None:
    assert not accepts(Duration, text)
    assert not accepts(OptionalDuration, text)


@pytest.mark.parametrize("text", ["0s", "0ms", "0.0h"])
def test_only_an_optional_duration_may_be_zero_and_means_none(text: str) -> None:
    assert not accepts(Duration, text)
    assert TypeAdapter(OptionalDuration).validate_python(text) == math.inf


@pytest.mark.parametrize(
    ("text", "size"), [("1B", 1), ("512B", 512), ("16KiB", 16384), ("2MiB", 2**21), ("1GiB", 2**30)]
)
def test_a_size_is_in_bytes(text: str, size: int) -> None:
    assert TypeAdapter(Size).validate_python(text) == size


@pytest.mark.parametrize(
    "text",
    [
        *("", "0B", "0MiB", "10", "KiB", "1 KiB", "1.5KiB", "-1B", "1KB", "1kib", "1K", "1TiB"),
        *("\uff11B", "1B\n", "9" * 5000 + "B"),
    ],
)
def test_what_is_no_size(text: str) -> None:
    assert not accepts(Size, text)


@pytest.mark.parametrize("type_", [Duration, OptionalDuration, Size, Name, Sha256, OriginText])
@pytest.mark.parametrize("value", MISFITS)
def test_a_string_is_nothing_else(type_: Any, value: object) -> None:
    assert not accepts(type_, value)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None])
def test_what_is_no_count(value: object) -> None:
    assert accepts(Count, 1)
    assert not accepts(Count, value)


@pytest.mark.parametrize("name", ["a", "A-z_0-9", "x" * 64])
def test_names(name: str) -> None:
    assert checked_name(name) == name
    assert accepts(Name, name)
    assert accepts(GatewayName, f"{name}/{name}")


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a.b", "a/b", "ä", "a\n", "a\0", '"'])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 64 of"):
        checked_name(name)
    assert not accepts(Name, name)
    assert not accepts(GatewayName, f"a/{name}")
    assert not accepts(GatewayName, f"{name}/a")


@pytest.mark.parametrize("text", ["a", "/a", "a/", "a//b", "a/b/c", "a/b\n", " a/b"])
def test_what_is_no_gateway(text: str) -> None:
    assert not accepts(GatewayName, text)


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "A" * 64, "0" * 64 + "\n"])
def test_what_is_no_sha256(text: str) -> None:
    assert accepts(Sha256, "0123456789abcdef" * 4)
    assert not accepts(Sha256, text)


@pytest.mark.parametrize(
    "text",
    [
        *("null", "https://app.example.com", "http://localhost:3000", "https://[::1]:8443"),
        "chrome-extension://abcdefghijklmnop",
    ],
)
def test_origins(text: str) -> None:
    assert accepts(OriginText, text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "https://*.example.com", "app.example.com", "https://", "https://a/"),
        *("https://a/b", "https://App.example.com", "HTTPS://a", "https://bücher.example"),
        *("https://a b", "https://u@a", "https://a?b", "https://a#b", "https://a\n", "NULL"),
    ],
)
def test_what_no_browser_would_send_as_origin(text: str) -> None:
    assert not accepts(OriginText, text)


def test_a_model_does_not_show_its_secrets() -> None:
    secret = "sk-not-to-be-seen"
    gateway = GatewayModel(stored_keys={"openai": {"default": secret}})
    provider = ProviderModel(headers={"X-Team": secret})
    model = ConfigModel(gateways={"a/b": gateway}, providers={"openai": provider})
    assert gateway.stored_keys["openai"]["default"] == secret
    for shown in (gateway, provider, model):
        assert secret not in repr(shown)
        assert secret not in str(shown)


@pytest.mark.parametrize(
    "stored_keys",
    [
        "sk-not-to-be-seen",
        ["sk-not-to-be-seen"],
        {"openai": "sk-not-to-be-seen"},
        {"openai": ["sk-not-to-be-seen"]},
        {"openai": {"default": ["sk-not-to-be-seen"]}},
        {"openai": {"default": {"key": "sk-not-to-be-seen"}}},
        {"openai": {"default": b"sk-not-to-be-seen"}},
    ],
)
def test_a_validation_error_does_not_show_them_either(stored_keys: object) -> None:
    with pytest.raises(ValidationError) as caught:
        ConfigModel.model_validate({"gateways": {"a/b": {"stored_keys": stored_keys}}})
    assert "stored_keys" in str(caught.value)
    assert "not-to-be-seen" not in str(caught.value)
    assert "not-to-be-seen" not in repr(caught.value)
