"""The page's files. They hold nothing secret, so that whoever is to log in can load them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import Response

__all__ = ["router"]

_FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

router = APIRouter(include_in_schema=False)


class _File:
    """A file, with what a browser has to know of it.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._tag = f'"{hashlib.sha256(self._content).hexdigest()[:32]}"'

    def answer(self, known: str | None) -> Response:
        """The file, or 304 if the browser has it (RFC 9110 13.1.2)."""
        fields = {"ETag": self._tag, "Cache-Control": "no-cache"}  # kept, but always asked about
        tags = {tag.strip().removeprefix("W/") for tag in (known or "").split(",")}
        if tags & {self._tag, "*"}:
            return Response(status_code=304, headers=fields)
        return Response(self._content, media_type=self._type, headers=fields)


_FILES = {  # read once, so that no path of a request is ever one of the file system
    path.relative_to(_FOLDER).as_posix(): _File(path)
    for path in sorted(_FOLDER.rglob("*"))
    if path.suffix in _TYPES
}
_Known = Annotated[str | None, Header(alias="If-None-Match")]


@router.api_route("/", methods=["GET", "HEAD"])
async def index(known: _Known = None) -> Response:
    """The page."""
    return _FILES["index.html"].answer(known)


@router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
async def part(name: str, known: _Known = None) -> Response:
    """What the page consists of."""
    if name not in _FILES:
        raise HTTPException(404, "the page has no such part")
    return _FILES[name].answer(known)
