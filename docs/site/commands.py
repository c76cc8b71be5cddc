"""Puts into ``docs/commands.md`` what each command says of itself, from the app that reads them."""

from __future__ import annotations

import typer
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from typer.cli import get_docs_for_click

from relay.cli.commands import app as relay_app

MARK = "<!-- the commands -->"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Be a Sphinx extension."""
    app.connect("source-read", _put_in)
    return {"parallel_read_safe": True}


def _put_in(_app: Sphinx, name: str, source: list[str]) -> None:
    if name == "docs/commands":
        before, mark, after = source[0].partition(MARK)
        if not mark:
            raise ValueError(f"{name} has lost its {MARK}")
        source[0] = before + _reference() + after


def _reference() -> str:
    command = typer.main.get_command(relay_app)
    context = typer.Context(command, info_name="relay")
    return get_docs_for_click(obj=command, ctx=context, name="relay", indent=1)
