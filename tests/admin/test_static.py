"""The page's files: for everybody, by their name alone, and never anything else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import relay
from tests.admin.fakes import Relay, client, with_admin
from tests.support import trio_test

FOLDER = Path(relay.__file__).parent / "admin/page"
OURS = sorted(FOLDER.glob("*.*"))


@trio_test
async def test_the_page_needs_no_token_and_has_the_policy_of_all_answers() -> None:
    async with client(Relay(with_admin(token_sha256=None))) as it:
        answer = await it.get("/")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        for name in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
            part = await it.get(name)
            assert part.status_code == 200, name
            assert part.content == (FOLDER / name.removeprefix("/page/")).read_bytes()


@trio_test
async def test_a_browser_that_has_a_file_is_told_so() -> None:
    async with client(Relay()) as it:
        tag = (await it.get("/page/main.js")).headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            answer = await it.get("/page/main.js", headers={"If-None-Match": known})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
        assert (await it.get("/page/main.js", headers={"If-None-Match": '"x"'})).status_code == 200
        assert (await it.head("/page/main.js")).headers["etag"] == tag


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/none.js",
        "/page/../access.py",
        "/page/%2e%2e/access.py",
        "/page//etc/passwd",
        "/page/vendor/versions.json",
        "/page/vendor",
    ],
)
@trio_test
async def test_nothing_else_is_served(path: str) -> None:
    async with client(Relay()) as it:
        assert (await it.get(path)).status_code == 404


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_taken_for_markup_or_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert "dangerously" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=\"|\sstyle=\"", text)
