from __future__ import annotations

import json

import pytest

from tests.conformance.autobahn import read_report
from tests.conformance.verdicts import Verdict


def _case(behavior: str, close: str) -> dict[str, object]:
    return {"behavior": behavior, "behaviorClose": close, "duration": 2, "remoteCloseCode": 1000}


def test_a_report_is_read() -> None:
    cases = {"1.1.1": _case("OK", "OK"), "7.13.1": _case("INFORMATIONAL", "UNCLEAN")}
    assert read_report(json.dumps({"127.0.0.1:80": cases})) == {
        "1.1.1": Verdict("OK", "OK"),
        "7.13.1": Verdict("INFORMATIONAL", "UNCLEAN"),
    }


def test_a_report_of_two_servers_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="too many values"):
        read_report(json.dumps({"a": {}, "b": {}}))
