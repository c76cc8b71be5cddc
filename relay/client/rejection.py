"""What a refusal says: who refused, and why."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from relay.client.opening import Rejected

__all__ = ["Rejection", "read_rejection"]

_MAX_TEXT = 200
_MESSAGE_NAMES = ("message", "msg", "detail", "title")
_CODE_NAMES = ("code", "error_code", "status")
_NESTING = ("error", "errors", "detail")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refusal, read."""

    source: str
    """Who refused, in words."""
    message: str
    """The error message in the body; the beginning of the body if it has none."""
    code: str
    """The error code in the body; empty if it has none."""


def read_rejection(rejected: Rejected) -> Rejection:
    """Read a refusal; its body may be the relay's, a provider's, or anything."""
    text = rejected.body.decode(errors="replace")
    try:
        found = _find_error(json.loads(text))
    except (ValueError, RecursionError):
        found = None
    message, code = found or (text.strip()[:_MAX_TEXT], "")
    return Rejection(_source(rejected), message, code)


def _source(rejected: Rejected) -> str:
    """Who refused: the relay says so in ``Proxy-Status`` (RFC 9209)."""
    status = ", ".join(value for name, value in rejected.fields if name == "proxy-status")
    if re.search(r";\s*received-status=", status):
        return "the provider"
    if re.search(r";\s*error=", status):
        return "the relay"
    return "an unknown server (no Proxy-Status)"


def _find_error(document: object) -> tuple[str, str] | None:
    """The message and the code in the JSON of an error.

    Relay: ``{"error": [{"code", "message"}]}``. OpenAI, Google: ``{"error": {"code", "message"}}``.
    Cartesia: ``{"error_code", "title", "message"}``. ElevenLabs: ``{"detail": {"status",
    "message"}}``. Frameworks: ``{"detail": "..."}``, ``{"error": "..."}``.
    """
    if isinstance(document, str):
        return document[:_MAX_TEXT], ""
    if isinstance(document, list):
        return _find_error(document[0]) if document else None
    if not isinstance(document, dict):
        return None
    for name in _NESTING:
        if document.get(name) and (found := _find_error(document[name])) is not None:
            return found
    message = _first_text(document, _MESSAGE_NAMES)
    return (message, _first_text(document, _CODE_NAMES)) if message else None


def _first_text(document: dict[str, object], names: tuple[str, ...]) -> str:
    for name in names:
        value = document.get(name)
        if isinstance(value, str | int) and value:
            return str(value)[:_MAX_TEXT]
    return ""
