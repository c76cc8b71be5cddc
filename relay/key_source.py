"""Where secrets of the configuration come from: ``env:NAME``, ``file:PATH``, or inline."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias

import structlog

from relay.protocol import BearerToken, Secret

__all__ = ["FileKey", "KeySource", "current_key", "read_key"]

_log = structlog.get_logger()
_VISIBLE = re.compile(rb"[\x21-\x7e]+")
_SPACED = re.compile(rb"[\x20-\x7e]+")


def _checked(value: bytes, kind: type[Secret], *, spaces: bool) -> Secret:
    """Take a value as a key of a kind.

    Raises:
        ValueError: It is empty, or could not stand in a field line.
    """
    value = value.strip()
    if not value:
        raise ValueError("the key is empty")
    if spaces and not _SPACED.fullmatch(value):
        raise ValueError("the key holds characters that are not visible ASCII")
    if not spaces and not _VISIBLE.fullmatch(value):
        raise ValueError("the key holds spaces or characters that are not visible ASCII")
    return kind(value)


class FileKey:
    """A key in a file that another program may rotate: read again when the file changes.

    Args:
        path: The file.
        kind: What it holds.
        spaces: Whether spaces may stand in it.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds no key.
    """

    def __init__(self, path: Path, kind: type[Secret] = Secret, *, spaces: bool = False) -> None:
        self._path = path
        self._kind = kind
        self._spaces = spaces
        self._stamp = (0, 0, 0)
        self._key = self._read()

    def __call__(self) -> Secret:
        """The key; the last good one while the file makes no sense."""
        try:
            self._key = self._read()
        except (OSError, ValueError) as error:
            _log.warning("key file unreadable", path=str(self._path), error=type(error).__name__)
        return self._key

    def __eq__(self, other: object) -> bool:
        """Whether it is the same file, read in the same way."""
        if not isinstance(other, FileKey):
            return NotImplemented
        return self._source() == other._source()

    def __hash__(self) -> int:
        return hash(self._source())

    def _source(self) -> tuple[object, ...]:
        return self._path, self._kind, self._spaces

    def _read(self) -> Secret:
        status = self._path.stat()
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            key = _checked(self._path.read_bytes(), self._kind, spaces=self._spaces)
            self._stamp = stamp
            return key
        return self._key


KeySource: TypeAlias = FileKey | Secret
"""A key that stays as it is, or the file that has it."""


def current_key(source: KeySource) -> Secret:
    """The key, as it is now."""
    return source() if isinstance(source, FileKey) else source


def read_key(text: str, folder: Path, *, inline: bool, spaces: bool = False) -> KeySource:
    """Find the key that a configuration names.

    Args:
        text: ``env:NAME``, ``file:PATH``, or the key itself where ``inline`` allows it; after
            ``bearer `` if it is an access token, which goes upstream as ``Authorization: Bearer``.
        folder: What a relative path is relative to.
        inline: Whether keys may stand in the configuration.
        spaces: Whether spaces may stand in it: in a whole value of ``Authorization``, say.

    Raises:
        ValueError: A sentence that says what is wrong; never the key.
    """
    bare = text.removeprefix("bearer ")
    kind = Secret if bare == text else BearerToken
    source, mark, name = bare.partition(":")
    if mark and source == "env":
        value = os.environ.get(name)
        if value is None:  # the name is not shown: by mistake it may be the key itself
            raise ValueError("the environment has no variable of that name")
        return _checked(os.fsencode(value), kind, spaces=spaces)
    if mark and source == "file":
        path = folder / name
        try:
            return FileKey(path, kind, spaces=spaces)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from None
    if not inline:
        raise ValueError(
            "must be env:NAME or file:PATH, unless [server] says allow_inline_secrets = true"
        )
    return _checked(bare.encode(), kind, spaces=spaces)
