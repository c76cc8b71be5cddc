"""The fixtures, as tests of somebody else's use them: without Trio."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

import relay
from relay.doubles import FAULTS
from relay.doubles.faults import NamedFault, Refuse
from relay.testing.doubles import RunningDouble, StartDouble

pytest_plugins = ["relay.testing.fixtures", "pytester"]


def talk(double: RunningDouble) -> str:
    """The type of the first message of a session with the double of OpenAI."""
    with connect(
        f"{double.url}/v1/realtime?model=gpt-realtime",
        additional_headers={"Authorization": f"Bearer {double.key}"},
        compression=None,
    ) as websocket:
        kind: str = json.loads(websocket.recv(timeout=5))["type"]
    return kind


def test_a_double_serves_whom_it_knows(provider_double: StartDouble) -> None:
    double = provider_double("openai", key="k")
    assert talk(double) == "session.created"
    (request,) = double.requests
    assert request.header(b"authorization") == "Bearer k"


def test_several_doubles_run_at_once(provider_double: StartDouble) -> None:
    ports = {provider_double(name).port for name in ("openai", "google", "openai")}
    assert len(ports) == 3


@pytest.mark.parametrize("fault", ["refuse:429", Refuse(429)], ids=["line", "value"])
def test_a_fault_is_injected(provider_double: StartDouble, fault: str | Refuse) -> None:
    with pytest.raises(InvalidHandshake, match="429"):
        talk(provider_double("openai", fault=fault))


def test_a_close_is_injected(provider_double: StartDouble) -> None:
    double = provider_double("openai", fault="close:after=0,3000 insufficient_quota")
    with pytest.raises(ConnectionClosed) as caught:
        talk(double)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (3000, "insufficient_quota")


def test_what_there_is_not_is_said(provider_double: StartDouble) -> None:
    with pytest.raises(ValueError, match="there is no fault 'gone'"):
        provider_double("openai", fault="gone")
    with pytest.raises(KeyError):
        provider_double("nobody")


_seen: set[str] = set()


def test_each_fault_comes_once(each_fault: NamedFault) -> None:
    _seen.add(each_fault.name)


def test_all_faults_have_come() -> None:
    assert _seen == set(FAULTS)


def test_without_a_subject_the_stand_says_what_to_do(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(relay.__file__).parents[1]))
    pytester.makepyfile(
        """
        pytest_plugins = ["relay.testing.fixtures"]

        def test_laws(stand, proxy_law):
            proxy_law.check(stand)
        """
    )
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    outcome.stdout.fnmatch_lines(["*define a fixture named subject, with scope module*"])
