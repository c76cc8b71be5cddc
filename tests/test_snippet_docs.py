"""Every block of the documents runs, is checked by its kind, or says here why it cannot run."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest
import trio
import typer
import yaml
from typer.core import TyperGroup

from relay.cli.commands import app
from relay.config.model import ConfigModel
from relay.demo.world import World, serve_world
from relay.protocol import CATALOGUE, Limits, Pipe, SessionMeter, parse_target
from tests.config.files import SHA256
from tests.e2e.requirements import needs
from tests.snippets import ROOT, Snippet, all_snippets, snippets

_BY_OTHERS = {
    "docs/embedding.md": "tests/test_embedding_docs.py runs them as one program",
    "docs/sdks.md": "tests/sdk/test_docs.py compares them with the programs of `make sdk`",
    "docs/start.md": "tests/test_start_docs.py follows the page",
    "docs/testing.md": "its own tests run them",
}
"""Documents whose code in Python and JavaScript other tests run."""

_DRAWN_BY_THE_SITE = {"mermaid", "{toctree}", "{eval-rst}"}
_CHECKED_BY_KIND = {"toml", "json", "yaml", "sh", "python", "console"}

_CANNOT_RUN = {
    "pip": "installs from an index; tests/deploy/test_packages.py does",
    "/opt/relay/bin/pip": "the same, into a folder of the system",
    "python3": "the same",
    "useradd": "changes the system",
    "install": "changes the system",
    "systemctl": "needs systemd; tests/deploy/test_unit.py lints the unit",
    "docker": "needs a container engine; tests/deploy/test_dockerfile.py lints the recipe",
    "kubectl": "needs a cluster; tests/deploy/test_kubernetes.py validates the manifests",
    "cd": "installs from an index, for tests/e2e/test_examples.py",
    "NODE_EXTRA_CA_CERTS": "tests/demo/test_snippets.py runs what the demo prints, with its path",
    "SSL_CERT_FILE": "the same",
    "python": "serves until it is stopped; tests/e2e/test_browser.py opens the page",
}
"""First words of lines that do not run here, and why."""


def _of_kind(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("snippet", all_snippets(kind), ids=str)


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    others = [each for each in all_snippets() if each.page not in _BY_OTHERS]
    assert {each.kind for each in others} <= _CHECKED_BY_KIND | _DRAWN_BY_THE_SITE | {""}
    kinds = {each.kind for page in _BY_OTHERS if (ROOT / page).exists() for each in snippets(page)}
    assert kinds <= _CHECKED_BY_KIND | {"js", ""}


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


def _lines(snippet: Snippet) -> list[list[str]]:
    """The commands of a block, in words, without comments."""
    text = snippet.text.replace("\\\n", " ")
    if snippet.kind == "console":
        text = "\n".join(re.findall(r"^\$ (.*)$", text, re.MULTILINE))
    found = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [words for words in found if words]


def _parse_relay(words: list[str]) -> None:
    """Read a command line as ``relay`` does, and do nothing."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("relay", list(words))
    while isinstance(command, TyperGroup):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def _check_make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    names = [word for word in words if "=" not in word]
    assert set(names) <= set(targets)
    assert {word.partition("=")[0] for word in words if "=" in word} <= {"ARGS", "FULL", "PYTHON"}


def _nothing_to_check(_: list[str]) -> None:
    """Of variables: that they are words is checked by reading the line."""


_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]  # click's, or typer's own

_COMMANDS: Mapping[str, Callable[[list[str]], None]] = {
    "relay": _parse_relay,
    "make": _check_make,
    "export": _nothing_to_check,
    "curl": lambda words: _ask_a_demo(["curl", *words]),
}


@pytest.mark.parametrize("snippet", [*all_snippets("sh"), *all_snippets("console")], ids=str)
def test_commands_are_those_that_there_are(snippet: Snippet) -> None:
    assert _lines(snippet)
    for first, *rest in _lines(snippet):
        word = first.partition("=")[0].lstrip("(")
        if word not in _CANNOT_RUN:
            assert first in _COMMANDS, f"{snippet}: who runs {first}?"
            _COMMANDS[first](rest)


@pytest.mark.parametrize(
    "wrong",
    ["relay serve --confg x", "relay srve", "relay probe", "make nothing", "make test ARG=1"],
)
def test_commands_that_there_are_not_are_found(wrong: str) -> None:
    first, *rest = wrong.split()
    with pytest.raises((_USAGE_ERROR, AssertionError)):
        _COMMANDS[first](rest)


def test_nothing_is_excused_in_vain() -> None:
    used = {
        words[0].partition("=")[0].lstrip("(")
        for snippet in all_snippets("sh")
        for words in _lines(snippet)
    }
    assert _CANNOT_RUN.keys() <= used


def _ask_a_demo(words: list[str]) -> None:
    """Run curl against the admin listener of a demo."""
    needs(shutil.which("curl"), "curl")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            serve = partial(serve_world, http_port=0, https_port=0, admin_port=0)
            world: World = await nursery.start(serve)
            line = [
                word.replace("$TOKEN", world.admin_token).replace(
                    "http://127.0.0.1:9464", world.admin_url
                )
                for word in words
            ]
            answered = await trio.run_process(
                [*line, "--silent", "--fail", "--noproxy", "*"], capture_stdout=True
            )
            assert json.loads(answered.stdout)
            nursery.cancel_scope.cancel()

    trio.run(main)


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
    "page", sorted({each.page for each in all_snippets("python")} - _BY_OTHERS.keys())
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


def test_the_code_of_the_readme_says_what_it_means() -> None:
    (snippet,) = snippets("README.md", "python")
    names = _for_readme()
    exec(snippet.compiled(), names)  # noqa: S102
    ((_, said),) = names["OpenAI"].call_args_list
    assert said["api_key"].startswith("rly_")
    target = parse_target(said["base_url"].removeprefix("http://127.0.0.1:8080").encode())
    assert (target.gateway, target.provider) == ("acct/main", "openai")
