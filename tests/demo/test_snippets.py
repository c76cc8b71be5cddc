"""The programs to paste: each is complete, and those for Python are run."""

from __future__ import annotations

import ast
import io
import os
import sys
from pathlib import Path

import pytest
import trio
from rich.console import Console

from relay.demo.examples import EXAMPLES, Example
from relay.demo.snippets import browser, node, print_snippets, python
from relay.demo.world import World
from tests.demo.support import run_in_world

_WORLD = World(
    8080,
    8443,
    "rly_TOKEN",
    {each.provider: "KEY" for each in EXAMPLES},
    Path("/tmp/d/ca.pem"),  # noqa: S108
)
_by_provider = pytest.mark.parametrize(
    "example", EXAMPLES, ids=[each.provider for each in EXAMPLES]
)


@_by_provider
def test_python_runs_as_it_is_pasted(example: Example) -> None:
    outcomes = []

    async def test(world: World) -> None:
        # What a shell without websockets would run is run by the interpreter that has it.
        code = python(example, world).replace("python3", sys.executable, 1)
        outcomes.append(
            await trio.run_process(["/bin/sh", "-c", code], capture_stdout=True, env=_environment())
        )

    run_in_world(test)
    (outcome,) = outcomes
    lines = outcome.stdout.decode().splitlines()
    assert f'"{example.last}"' in lines[-2]
    assert lines[-1] == "closed with 1000"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "error"}


@_by_provider
def test_python_needs_no_more_than_it_imports(example: Example) -> None:
    head, *lines, end = python(example, _WORLD).splitlines()
    assert head == "python3 - <<'END'"
    assert end == "END"
    ast.parse("\n".join(lines))


@_by_provider
def test_node_trusts_the_certificate_and_uses_tls(example: Example) -> None:
    code = node(example, _WORLD)
    assert code.startswith("NODE_EXTRA_CA_CERTS=/tmp/d/ca.pem node --input-type=module <<'END'\n")
    assert code.endswith("\nEND")
    url = f"wss://localhost:8443/v1/demo/main/{example.resource}"
    assert f'new WebSocket("{url}", {{ headers }})' in code
    assert '"cf-aig-authorization": "rly_TOKEN"' in code
    _check_javascript(example, code)


@_by_provider
def test_a_browser_connects_on_the_loopback_address_with_entries(example: Example) -> None:
    code = browser(example, _WORLD)
    url = f"ws://127.0.0.1:8080/v1/demo/main/{example.resource}"
    entries = '["relay", "cf-aig-authorization.rly_TOKEN"]'
    assert f'new WebSocket("{url}", {entries})' in code
    assert code.splitlines()[0] == "{"  # a block, so that names can be declared again
    assert "headers" not in code
    assert "OpenAI-Beta" not in code
    _check_javascript(example, code)


def _check_javascript(example: Example, code: str) -> None:
    assert f"text.includes('\"{example.last}\"')) ws.close(1000)" in code
    assert (f"text.includes('\"{example.cue}\"')" in code) is (example.answer is not None)
    for opening, closing in ("()", "[]", "{}"):
        assert code.count(opening) == code.count(closing)


def test_a_browser_speaks_the_dialect_that_needs_no_header() -> None:
    openai = EXAMPLES[0]
    assert '"output_modalities"' in browser(openai, _WORLD)
    assert '"modalities"' not in browser(openai, _WORLD)
    assert '"modalities"' in node(openai, _WORLD)


def test_all_are_printed_and_no_line_is_wrapped_or_marked_up() -> None:
    out = io.StringIO()
    print_snippets(Console(file=out, width=40), _WORLD)
    printed = out.getvalue()
    for example in EXAMPLES:
        for snippet in (node, python, browser):
            assert f"\n{snippet(example, _WORLD)}\n" in printed
    assert "\nBrowser, in the console of the page http://127.0.0.1:8080/healthz\n" in printed
    assert "KEY" not in printed
