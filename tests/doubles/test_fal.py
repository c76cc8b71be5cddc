"""Who may open fal's endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

HTTP = "/fal-ai/fast-lcm-diffusion"
REALTIME = "/fal-ai/fast-lcm-diffusion/realtime"
HEADER = ("Authorization", f"Key {KEY}")
UNAUTHORIZED = {"status": "error", "error": "Unauthorized"}


@pytest.mark.parametrize("path", [HTTP, "/fal-ai/flux/dev", "/fal-ai/flux/dev/image-to-image"])
@pytest.mark.parametrize(("query", "headers"), [("", [HEADER]), (f"?fal_jwt_token={KEY}", [])])
@trio_test
async def test_every_slot_opens_a_model(
    path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    async with connect("fal", f"{path}{query}", headers=headers) as peer:
        await peer.send({"prompt": "a cat"})
        assert (await peer.json())["type"] == "start"


@pytest.mark.parametrize("path", [REALTIME, "/fal-ai/flux/dev/realtime"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [("", [HEADER]), (f"?fal_jwt_token={KEY}&max_buffering=2", [])],
)
@trio_test
async def test_every_slot_opens_realtime(
    path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    async with connect("fal", f"{path}{query}", headers=headers) as peer:
        await peer.send(b"\x80")  # an empty map, which has no prompt
        assert (await peer.json())["type"] == "x-fal-error"


BAD = [
    ("", []),
    ("", [("Authorization", "Key wrong")]),
    ("", [("Authorization", f"Bearer {KEY}")]),
    ("?fal_jwt_token=wrong", []),
]


@pytest.mark.parametrize(("query", "headers"), BAD)
@trio_test
async def test_http_is_refused(query: str, headers: list[tuple[str, str]]) -> None:
    answer = await refusal("fal", f"{HTTP}{query}", headers=headers)
    assert answer == (401, {"detail": "Unauthorized"})


@pytest.mark.parametrize(("query", "headers"), BAD)
@trio_test
async def test_realtime_is_accepted_and_says_unauthorized(
    query: str, headers: list[tuple[str, str]]
) -> None:
    async with connect("fal", f"{REALTIME}{query}", headers=headers) as peer:
        assert await peer.json() == UNAUTHORIZED
        assert await peer.close_frame() == (1008, "Unauthorized")


@pytest.mark.parametrize("path", ["/", "/fal-ai", "/fal-ai/", "//fast-lcm-diffusion"])
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    assert await refusal("fal", path, headers=[HEADER]) == (404, {"detail": "Not Found"})
