"""Headless Chromium, driven through its DevTools protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

__all__ = ["Page", "chromium_path", "open_page"]

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-port=0",
)


def chromium_path() -> str | None:
    """Where Chromium is, if it is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


_KEYS = {  # by name: its key code, and what it writes
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "ArrowDown": (40, ""),
    "ArrowUp": (38, ""),
}


class Page:
    """One page, and what it did: each event that DevTools told of it."""

    def __init__(self, devtools: ClientConnection) -> None:
        self._devtools = devtools
        self._calls = 0
        self.events: list[dict[str, Any]] = []

    def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._calls += 1
        call = {"id": self._calls, "method": method, "params": parameters}
        self._devtools.send(json.dumps(call))
        while True:
            answer: dict[str, Any] = json.loads(self._devtools.recv(timeout=50))
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def watch(self) -> None:
        """Note from now on which requests it makes, and of what it complains."""
        for domain in ("Network", "Log", "Runtime", "Audits"):
            self._call(f"{domain}.enable")

    @property
    def requests(self) -> list[str]:
        """The URLs that it has asked for."""
        sent = [each for each in self.events if each["method"] == "Network.requestWillBeSent"]
        return [each["params"]["request"]["url"] for each in sent]

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """Errors and warnings in its console, exceptions, and what its policy forbade."""
        found = []
        for event in self.events:
            said = event.get("params", {})
            match event["method"]:
                case "Log.entryAdded" if said["entry"]["level"] in {"error", "warning"}:
                    found.append(said["entry"])
                case "Runtime.consoleAPICalled" if said["type"] in {"error", "warning", "assert"}:
                    found.append(said)
                case "Runtime.exceptionThrown":
                    found.append(said)
                case "Audits.issueAdded" if said["issue"]["code"] == "ContentSecurityPolicyIssue":
                    found.append(said["issue"])
        return found

    def press(self, *keys: str) -> None:
        """Press keys, one after the other: characters, or names as KeyboardEvent.key has them."""
        for key in keys:
            code, text = _KEYS.get(key, (ord(key[0].upper()), key))
            its: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code}
            if text:
                its["text"] = text
            self._call("Input.dispatchKeyEvent", type="keyDown", **its)
            self._call("Input.dispatchKeyEvent", type="keyUp", **its)

    def type(self, text: str) -> None:
        """Write a text where the focus is."""
        self._call("Input.insertText", text=text)

    def resize(self, width: int, height: int) -> None:
        """Be a screen of another size, in pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, **features: str) -> None:
        """Have the page's reader prefer something: ``color_scheme="dark"``."""
        wanted = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self._call("Emulation.setEmulatedMedia", features=wanted)

    def accessibility(self) -> list[dict[str, Any]]:
        """What a screen reader is told of it: nodes with a role and a name."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [each for each in nodes if not each["ignored"] and "name" in each]

    def screenshot(self) -> bytes:
        """What is seen of it, as a PNG."""
        found = self._call("Page.captureScreenshot", format="png", optimizeForSpeed=False)
        return base64.b64decode(found["data"])

    def goto(self, url: str) -> None:
        """Load a page."""
        self._call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        result = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")


@contextmanager
def open_page(program: str, profile: Path, spki: str = "") -> Iterator[Page]:
    """Start Chromium with an empty page.

    Args:
        program: Chromium's path.
        profile: An empty folder for its profile.
        spki: The hash of the public key, in base64, that it takes for trusted.
    """
    command = (
        *(program, *_FLAGS, f"--user-data-dir={profile}"),
        *(f"--ignore-certificate-errors-spki-list={spki}", "about:blank"),
    )
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = next(each for each in process.stderr if "DevTools listening on" in each)
            authority = line.split("ws://", 1)[1].split("/", 1)[0]
            pages: list[dict[str, str]] = []
            while not pages:  # DevTools may be there before the page is
                with urllib.request.urlopen(f"http://{authority}/json/list") as answer:
                    pages = [each for each in json.load(answer) if each["type"] == "page"]
            with connect(pages[0]["webSocketDebuggerUrl"], max_size=None) as devtools:
                yield Page(devtools)
        finally:
            process.kill()
