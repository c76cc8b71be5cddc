"""The option ``--config``, and what is said where the file cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from relay.config import ConfigError

__all__ = ["DEFAULT_CONFIG", "ConfigOption", "load_or_exit"]

DEFAULT_CONFIG = Path("relay.toml")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]

_T = TypeVar("_T")


def load_or_exit(config: Path, load: Callable[[Path], _T]) -> _T:
    """What a configuration file is loaded to.

    Args:
        config: The file.
        load: Loads it, or raises :class:`relay.config.ConfigError`.

    Raises:
        typer.Exit: 2 if it cannot be used, which is said on stderr.
    """
    try:
        return load(config)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise typer.Exit(2) from None
