"""Every block of the documents is looked at: its code runs, and its data can be used.

Commands have tests of their own: tests/docs/test_command.py, and of installing and of make.
"""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest
import trio
import yaml

from relay.config.model import ConfigModel
from relay.protocol import CATALOGUE, Limits, MessagePipe, Pipe, SessionMeter, parse_target
from relay.protocol.frames import BINARY, TEXT
from relay.testing.frames import Frame, decode
from tests.config.files import SHA256
from tests.docs.excuses import CODE_BY_OTHERS
from tests.docs.snippets import Snippet, all_snippets, snippets

_DRAWN_BY_THE_SITE = {"mermaid", "{toctree}", "{eval-rst}"}
_CHECKED_HERE = {"toml", "json", "yaml", "python"}
_TYPED = {"sh", "console"}


def _of_kind(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("snippet", all_snippets(kind), ids=str)


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    looked_at = _CHECKED_HERE | _TYPED | _DRAWN_BY_THE_SITE | {""}
    for each in all_snippets():
        assert each.kind in (looked_at | {"js"} if each.page == "docs/sdks.md" else looked_at), each


@pytest.mark.parametrize("page", CODE_BY_OTHERS)
def test_code_that_is_not_run_here_is_run_elsewhere(page: str) -> None:
    assert {each.kind for each in snippets(page)} & {"python", "js"}
    for place in CODE_BY_OTHERS[page]:
        assert place.is_there(), place


@_of_kind("")
def test_what_has_no_kind_is_no_command(snippet: Snippet) -> None:
    commands = re.compile(
        r"^(\$ |relay [a-z]|make |curl |pip |python |from |import |\[)", re.MULTILINE
    )
    assert not commands.search(snippet.text)


@_of_kind("toml")
def test_configurations_are_accepted(snippet: Snippet) -> None:
    text = re.sub(r'(sha256 = )"[^"]*"', rf'\1"{SHA256}"', snippet.text)
    assert tomllib.loads(text)
    ConfigModel.model_validate(tomllib.loads(text))


@_of_kind("json")
def test_json_is_json(snippet: Snippet) -> None:
    for line in snippet.text.splitlines():
        assert json.loads(line)


@_of_kind("yaml")
def test_yaml_is_yaml(snippet: Snippet) -> None:
    assert yaml.safe_load(snippet.text)


def _for_readme() -> dict[str, Any]:
    return {"OpenAI": Mock(name="OpenAI")}


def _for_faults() -> dict[str, Any]:
    return {"partial": partial}


def _for_meters() -> dict[str, Any]:
    target = parse_target(b"/v1/acct/main/openai?model=m")
    openai = next(each for each in CATALOGUE if each.name == "openai")
    return {
        "SessionMeter": SessionMeter,
        "Pipe": Pipe,
        "endpoint": openai.endpoints[0],
        "seconds_since_the_session_opened": lambda: 1.0,
        "target": target,
        "limits": Limits(),
        "now": 2.0,
    }


_PREPARED: Mapping[str, Callable[[], dict[str, Any]]] = {
    "README.md": _for_readme,
    "docs/faults.md": _for_faults,
    "docs/meters.md": _for_meters,
}
"""By document: what its code takes for granted."""


@pytest.mark.parametrize(
    "page", sorted({each.page for each in all_snippets("python")} - CODE_BY_OTHERS.keys())
)
def test_python_runs(page: str) -> None:
    names = _PREPARED.get(page, dict)()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            names["nursery"] = nursery
            for snippet in snippets(page, "python"):
                result = eval(snippet.compiled(), names)  # noqa: S307 - what a reader would run
                if inspect.isawaitable(result):
                    await result
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_the_policy_of_the_application_does_what_it_says() -> None:
    (snippet,) = snippets("docs/application.md", "python")
    names: dict[str, Any] = {}
    exec(snippet.compiled(), names)  # noqa: S102
    granted = trio.run(names["hooks"].authorise, Mock(name="asked"))
    pipe = MessagePipe(masked=False, limits=Limits(), policies=granted.policies)
    for frame, sent in (
        (Frame(TEXT, b"it is 4111 1111 1111 1111"), Frame(TEXT, b"it is [card]")),
        (Frame(BINARY, b"4111 1111 1111 1111"), Frame(BINARY, b"4111 1111 1111 1111")),
    ):
        assert decode(pipe.receive_data(frame.encode()), masked=False) == [sent]
    pipe.receive_data(Frame(TEXT, b"it is 4242 4242 4242 4242").encode())
    assert pipe.error is not None
    assert (str(pipe.error), pipe.error.close_code_hint) == ("no test cards here", 1008)


def test_the_code_of_the_readme_says_what_it_means() -> None:
    (snippet,) = snippets("README.md", "python")
    names = _for_readme()
    exec(snippet.compiled(), names)  # noqa: S102
    ((_, said),) = names["OpenAI"].call_args_list
    assert said["api_key"].startswith("rly_")
    target = parse_target(said["base_url"].removeprefix("http://127.0.0.1:8080").encode())
    assert (target.gateway, target.provider) == ("acct/main", "openai")
