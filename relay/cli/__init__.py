"""The command line."""

from relay.cli.commands import main

__all__ = ["main"]
