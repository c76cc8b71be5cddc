"""Draws the pictures whose text stands in a ``mermaid`` block, as SVG in the page.

It takes no browser. The SVG has no colours of its own: ``site.css``
gives it those of the theme, light or dark.
"""

from __future__ import annotations

import re

import mmdr
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)


class Mermaid(SphinxDirective):
    """A block whose text is a picture."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Give the picture, with its text for who cannot see it in the page's source."""
        svg = _STYLE.sub("", mmdr.render("\n".join(self.content)).svg()).strip()
        return [nodes.raw("", f'<div class="picture">{svg}</div>', format="html")]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Be a Sphinx extension."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True}
