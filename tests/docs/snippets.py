"""The fenced blocks of the documents, and how one in Python is made ready to run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

__all__ = ["ROOT", "Snippet", "all_snippets", "documents", "snippets"]

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<kind>.*)\n(?P<text>(?:.*\n)*?)(?P=fence)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A block of a document."""

    page: str
    """The document, from the top of the repository."""
    line: int
    """Where its text begins, from 1."""
    kind: str
    """What stands after the fence; empty if nothing does."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def compiled(self) -> CodeType:
        """The code of one in Python, which may await; a traceback gives the page's lines."""
        text = "\n" * (self.line - 1) + self.text
        code: CodeType = compile(text, self.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        return code


def documents() -> list[str]:
    """All that may hold blocks, from the top of the repository."""
    pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
    pages += ["examples/README.md", "deploy/cloudflare.md"]
    return pages + sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")
    )


def snippets(page: str, kind: str | None = None) -> Iterator[Snippet]:
    """The blocks of a document in their order; only those of a kind, if one is given."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        if kind is None or found["kind"] == kind:
            yield Snippet(page, line, found["kind"], found["text"])


def all_snippets(kind: str | None = None) -> list[Snippet]:
    """The blocks of all documents; only those of a kind, if one is given."""
    return [each for page in documents() for each in snippets(page, kind)]
