"""The realtime API of ``fal-client``."""

from __future__ import annotations

import os

from tests.sdk.python.program import RELAY_TOKEN, RELAY_URL, Facts, run

# The SDK reads both when it is imported.
# -- docs: begin
os.environ["FAL_RUN_HOST"] = f"{RELAY_URL}/fal".removeprefix("https://")
os.environ["FAL_KEY"] = RELAY_TOKEN
# -- docs: end

import fal_client


def _realtime() -> Facts:
    # With `use_jwt`, the default, the SDK would fetch a token from fal's own host first.
    # -- docs: begin
    with fal_client.realtime("fal-ai/fast-lcm-diffusion", use_jwt=False) as connection:
        # -- docs: end
        connection.send({"prompt": "a lighthouse at dusk"})
        result = connection.recv()
    assert result is not None, "the provider closed"
    image = result["images"][0]
    return {"text": result["prompt"], "bytes of the image": len(image["content"])}


run({"realtime": _realtime})
