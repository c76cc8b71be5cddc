"""Sphinx's configuration: the site is made of the Markdown of docs/ and of the top level, as it is.

Sphinx reads the repository from its top, so that every link between the documents is the one that
works where they are read as files.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "relay"
author = copyright = "the authors of relay"  # noqa: A001 - Sphinx's name for it
version = release = installed("realtime-relay")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "commands",
    "docstrings",
    "pictures",
]
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "deploy/cloudflare.md",
    "examples/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
]
exclude_patterns = [".*", "build", "dist", "relay", "tests", "bench", "**/node_modules"]

myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_default_options = {"undoc-members": True, "no-value": True}
copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = f"relay {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "redirect.html"}
templates_path = ["templates"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "native"
