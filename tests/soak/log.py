"""What a relay's log says of a soak."""

from __future__ import annotations

import json
from collections import Counter

__all__ = ["complaints"]

_ENDINGS = {"ended", "refused", "client left during the opening"}
_STRANGER = 2009  # the code of a refusal for a wrong token


def complaints(log: str, asked: int) -> list[str]:
    """What is wrong: faults of the relay's, and sessions without exactly one ending.

    Args:
        log: As JSON, a line each; other lines are left out.
        asked: How many requests were sent wholly by clients with a token: of others not all
            refusals are logged.
    """
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    wrong = [f"logged: {line}" for line in lines if line["level"] not in {"info", "warning"}]
    endings = Counter(
        line["session"]
        for line in lines
        if line["event"] in _ENDINGS and line.get("code") != _STRANGER
    )
    opened = {line["session"] for line in lines if line["event"] == "opened"}
    ended = {line["session"] for line in lines if line["event"] == "ended"}
    wrong += [f"session {each} has {count} endings" for each, count in endings.items() if count > 1]
    wrong += [f"session {each} was opened and did not end" for each in sorted(opened - ended)]
    wrong += [f"session {each} ended and was not opened" for each in sorted(ended - opened)]
    if len(endings) != asked:
        wrong.append(f"{asked} requests were sent, and {len(endings)} have an ending")
    return wrong
