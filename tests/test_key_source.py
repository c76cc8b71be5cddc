"""Where stored keys come from, and what happens when their files change or break."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.key_source import FileKey, read_key
from relay.protocol import BearerToken, Secret

SECRET = "sk-not-to-be-seen"


def test_a_key_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", f" {SECRET}\n")
    assert read_key("env:KEY", tmp_path, inline=False) == Secret(SECRET.encode())


def test_an_access_token_is_marked_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", SECRET)
    (tmp_path / "token").write_text("first")
    from_file = read_key("bearer file:token", tmp_path, inline=False)
    assert isinstance(from_file, FileKey)
    keys = [
        read_key("bearer env:KEY", tmp_path, inline=False),
        read_key(f"bearer {SECRET}", tmp_path, inline=True),
        from_file(),
    ]
    assert keys == [Secret(SECRET.encode()), Secret(SECRET.encode()), Secret(b"first")]
    (tmp_path / "token").write_text("another")
    assert from_file() == Secret(b"another")
    assert all(isinstance(key, BearerToken) for key in [*keys, from_file()])
    assert not isinstance(read_key("env:KEY", tmp_path, inline=False), BearerToken)


def test_a_key_of_the_environment_stays_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", SECRET)
    key = read_key("env:KEY", tmp_path, inline=False)
    monkeypatch.setenv("KEY", "another")
    assert key == Secret(SECRET.encode())


@pytest.mark.parametrize("name", ["NO_SUCH_KEY", "", SECRET, "A=B", "\0", "ä"])
def test_the_name_of_an_unknown_variable_is_not_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"^the environment has no variable of that name$"):
        read_key(f"env:{name}", tmp_path, inline=True)


@pytest.mark.parametrize("value", ["", " \t\n"])
def test_an_empty_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KEY", value)
    with pytest.raises(ValueError, match=r"^the key is empty$"):
        read_key("env:KEY", tmp_path, inline=False)


@pytest.mark.parametrize("value", ["two words", "sk-\r\nHost: a", "sk-\x7f", "schlüssel", "\udcff"])
def test_a_key_that_no_field_line_could_carry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("KEY", value)
    with pytest.raises(ValueError, match=r"^the key holds spaces or characters that are not"):
        read_key("env:KEY", tmp_path, inline=False)


def test_an_inline_key_needs_permission(tmp_path: Path) -> None:
    problem = (
        "^must be env:NAME or file:PATH, unless \\[server\\] says allow_inline_secrets = true$"
    )
    for text in (SECRET, "user:password", "ENV:KEY", "environment:KEY", ":", ""):
        with pytest.raises(ValueError, match=problem):
            read_key(text, tmp_path, inline=False)
    assert read_key(SECRET, tmp_path, inline=True) == Secret(SECRET.encode())
    assert read_key("user:password", tmp_path, inline=True) == Secret(b"user:password")


@pytest.mark.parametrize("name", ["env", "file"])
def test_where_inline_keys_are_allowed_env_and_file_keep_their_meaning(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ValueError, match=r"no variable|No such file"):
        read_key(f"{name}:none", tmp_path, inline=True)


def test_a_file_is_relative_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "key").write_text(f"{SECRET}\n")
    for text in ("file:sub/key", f"file:{tmp_path}/sub/key"):
        key = read_key(text, tmp_path, inline=False)
        assert isinstance(key, FileKey)
        assert key() == Secret(SECRET.encode())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("file:none", "/none: No such file or directory"),
        ("file:.", ": Is a directory"),
        ("file:", ": Is a directory"),
        ("file:key/key", "/key/key: Not a directory"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "key").write_text(SECRET)
    with pytest.raises(ValueError, match="directory") as caught:
        read_key(text, tmp_path, inline=False)
    assert str(caught.value) == f"{tmp_path}{problem}"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe", b"one\ntwo"])
def test_a_file_that_holds_no_key(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match=r"^the key (is empty|holds spaces)"):
        read_key("file:key", tmp_path, inline=False)


# When the file changes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("sk-one")
    return path


def touch(path: Path, nanoseconds: int) -> None:
    """Give the file that time of change."""
    os.utime(path, ns=(nanoseconds, nanoseconds))


def test_another_time_of_change_is_a_change(path: Path) -> None:
    touch(path, 1)
    key = FileKey(path)
    path.write_text("sk-two")
    touch(path, 2)
    assert key() == Secret(b"sk-two")


def test_another_size_is_a_change(path: Path) -> None:
    touch(path, 1)
    key = FileKey(path)
    path.write_text("sk-three")
    touch(path, 1)
    assert key() == Secret(b"sk-three")


def test_another_file_is_a_change(path: Path) -> None:
    touch(path, 1)
    key = FileKey(path)
    other = path.with_name("other")
    other.write_text("sk-two")
    touch(other, 1)
    other.rename(path)
    assert key() == Secret(b"sk-two")


def test_another_target_of_a_link_is_a_change(path: Path) -> None:
    link, other = path.with_name("link"), path.with_name("other")
    other.write_text("sk-two")
    touch(path, 1)
    touch(other, 1)
    link.symlink_to(path)
    key = FileKey(link)
    link.unlink()
    link.symlink_to(other)
    assert key() == Secret(b"sk-two")


def test_a_file_that_did_not_change_is_not_read_again(path: Path) -> None:
    touch(path, 1)
    key = FileKey(path)
    path.write_text("sk-two")
    touch(path, 1)
    assert key() == Secret(b"sk-one")


def broken(logs: list[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    """What was logged about a key file."""
    return [(entry["log_level"], entry["error"]) for entry in logs]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "FileNotFoundError"),
        (b"", "ValueError"),
        (b"sk-not-to-be-seen and more", "ValueError"),
    ],
)
def test_a_key_is_kept_while_its_file_makes_no_sense(
    path: Path, content: bytes | None, error: str
) -> None:
    key = FileKey(path)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with capture_logs() as logs:
        assert key() == Secret(b"sk-one")
        assert key() == Secret(b"sk-one")
    assert broken(logs) == [("warning", error)] * 2
    assert logs[0]["path"] == str(path)
    assert "not-to-be-seen" not in str(logs)

    path.write_text("sk-back-again")
    with capture_logs() as logs:
        assert key() == Secret(b"sk-back-again")
    assert logs == []


def test_a_folder_in_the_place_of_a_key(path: Path) -> None:
    key = FileKey(path)
    path.unlink()
    path.mkdir()
    with capture_logs() as logs:
        assert key() == Secret(b"sk-one")
    assert broken(logs) == [("warning", "IsADirectoryError")]


def test_a_file_key_does_not_show_itself(path: Path) -> None:
    path.write_text(SECRET)
    key = FileKey(path)
    assert SECRET not in repr(key)
    assert SECRET not in str(vars(key))


def test_spaces_where_a_whole_field_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("Basic dTpw\n")
    monkeypatch.setenv("KEY", "Basic dTpw")
    from_file = read_key("file:key", tmp_path, inline=False, spaces=True)
    assert isinstance(from_file, FileKey)
    assert from_file() == read_key("env:KEY", tmp_path, inline=False, spaces=True)
    assert from_file() == Secret(b"Basic dTpw")
    monkeypatch.setenv("KEY", "Basic\r\nHost: a")
    with pytest.raises(ValueError, match=r"^the key holds characters that are not visible ASCII$"):
        read_key("env:KEY", tmp_path, inline=False, spaces=True)


def test_keys_of_one_file_are_equal(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    keys = {FileKey(tmp_path / "key"), FileKey(tmp_path / "key")}
    assert len(keys) == 1
    assert FileKey(tmp_path / "key", spaces=True) not in keys
    assert FileKey(tmp_path / "key", BearerToken) not in keys
    assert FileKey(tmp_path / "key") != SECRET
