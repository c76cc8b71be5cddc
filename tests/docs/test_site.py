"""The documents' site: it builds without a warning, is whole, and loads nothing from elsewhere."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer

import relay
import relay.protocol
from relay.cli.commands import app
from tests.docs.snippets import ROOT, documents
from tests.e2e.requirements import needs

_LOADED = {"src", "srcset", "data", "poster", "action", "formaction"}
_LINKED = {"a", "area"}


def _sphinx(source: Path, built: Path) -> subprocess.CompletedProcess[str]:
    """Build as ``make docs`` does."""
    modules = ("sphinx", "myst_parser", "furo", "sphinx_copybutton", "mmdr")
    found = all(importlib.util.find_spec(name) for name in modules)
    needs(found or None, "Sphinx, or an extension of it,")
    (line,) = re.findall(r"python -m (sphinx .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    words = line.replace(" . build/docs", f" {source} {built}").split()
    return subprocess.run(
        [sys.executable, "-m", *words, "-d", built.parent / "doctrees"],
        cwd=source,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    built = tmp_path_factory.mktemp("site") / "html"
    outcome = _sphinx(ROOT, built)
    assert outcome.returncode == 0, outcome.stderr
    return built


class _Elements(HTMLParser):
    """The attributes of all elements of a page, by the element's name."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _addresses(page: Path) -> Iterator[tuple[bool, str]]:
    """Each address in a page, and whether it is a plain link, which loads nothing by itself."""
    for tag, attributes in _Elements(page).found:
        for name, value in attributes.items():
            if name in _LOADED or (name.endswith("href") and tag != "use"):
                yield tag in _LINKED, value or ""


def test_every_document_is_a_page(site: Path) -> None:
    missing = [name for name in documents() if not (site / name).with_suffix(".html").exists()]
    assert missing == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    loaded = {
        address for page in pages for plain, address in _addresses(page) if not plain and address
    }
    assert loaded
    assert {address for address in loaded if urlsplit(address).netloc} == set()
    assert {urlsplit(address).scheme for address in loaded} <= {"", "data"}


def test_no_style_loads_anything_from_elsewhere(site: Path) -> None:
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    styles += re.findall(
        r"<style.*?</style>", "".join(p.read_text() for p in site.rglob("*.html")), re.DOTALL
    )
    assert len(styles) > 3
    for style in styles:
        assert not re.search(r"""(@import|url\(\s*["']?(https?:)?//)""", style)


def test_links_to_elsewhere_are_well_formed(site: Path) -> None:
    links = {
        address for page in site.rglob("*.html") for plain, address in _addresses(page) if plain
    }
    elsewhere = {link for link in links if urlsplit(link).scheme or urlsplit(link).netloc}
    assert elsewhere
    for link in elsewhere:
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link


def test_every_command_is_told_of(site: Path) -> None:
    page = (site / "docs/commands.html").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert "serve" in commands
    headings = re.sub(r"<[^>]*>", "", "\n".join(re.findall(r"<h3>.*?</h3>", page)))
    for name in commands:
        assert f"relay {name}" in headings


def test_every_public_name_is_told_of(site: Path) -> None:
    page = (site / "docs/api.html").read_text(encoding="utf-8")
    told = set(re.findall(r'id="(relay\.[\w.]+)"', page))
    named = {f"relay.{name}" for name in relay.__all__}
    named |= {f"relay.protocol.{name}" for name in relay.protocol.__all__}
    named |= {f"relay.protocol.closing.{name}" for name in relay.protocol.closing.__all__}
    named -= {"relay.protocol.closing", "relay.protocol.Timeouts"}  # a module; told of as relay's
    assert named - told == set()
    assert "Alias for field number" not in page


def test_every_stable_name_of_the_kit_is_told_of(site: Path) -> None:
    guide = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    (stable,) = re.findall(r"\n## What is stable\n\n(.*?):\n", guide, re.DOTALL)
    modules = re.findall(r"`(?:relay\.testing)?\.(\w+)`", stable)
    assert "laws" in modules
    page = (site / "docs/testing-api.html").read_text(encoding="utf-8")
    told = {each.rpartition(".")[2] for each in re.findall(r'id="(relay\.testing\.[\w.]+)"', page)}
    for module in modules:
        assert f">relay.testing.{module}<" in page
        assert set(importlib.import_module(f"relay.testing.{module}").__all__) <= told


def test_the_picture_has_words_and_the_colours_of_the_theme(site: Path) -> None:
    page = (site / "docs/architecture.html").read_text(encoding="utf-8")
    (picture,) = re.findall(r'<div class="picture">(<svg.*?</svg>)</div>', page, re.DOTALL)
    words = re.sub(r"<[^>]*>", " ", picture)
    assert {"client", "provider", "session", "driver"} <= set(words.split())
    assert "<style" not in picture
    assert "<title" in picture


@pytest.mark.parametrize(
    "wrong",
    ["[gone](gone.md)", "[gone](other.md#gone)", "[gone](../gone.py)", "[gone](#gone)"],
)
def test_a_link_to_nothing_fails(tmp_path: Path, wrong: str) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copytree(ROOT / "docs" / "site", docs / "site")
    (tmp_path / "Makefile").touch()
    (docs / "index.md").write_text(f"# Here\n\n```{{toctree}}\nother\n```\n\n{wrong}\n")
    (docs / "other.md").write_text("# Other\n\n[back](index.md#here)\n")
    outcome = _sphinx(tmp_path, tmp_path / "html")
    assert outcome.returncode != 0
    (line,) = [each for each in outcome.stderr.splitlines() if "WARNING" in each]
    assert "gone" in line
