"""Reads docstrings in Google's style, but those of values as the prose that they are.

``sphinx.ext.napoleon`` by itself takes what stands before a colon in an attribute's docstring for
its type. What a named tuple says of a field that has no docstring is left out.
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.typing import ExtensionMetadata

_VALUES = {"attribute", "data", "property"}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Be a Sphinx extension."""
    app.connect("autodoc-process-docstring", _read)
    return {"parallel_read_safe": True}


def _read(
    _app: Sphinx, what: str, _name: str, _of: object, _options: object, lines: list[str]
) -> None:
    if what not in _VALUES:
        lines[:] = GoogleDocstring(lines).lines()
    elif lines and lines[0].startswith("Alias for field number "):
        lines.clear()
