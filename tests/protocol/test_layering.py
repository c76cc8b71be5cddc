"""The core stays sans-IO: what its files import, and in which direction."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import relay.protocol

CORE = Path(relay.protocol.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(CORE).with_suffix("").parts) for path in CORE.rglob("*.py")
)

# Pure: none of these does I/O, reads a clock, or makes up a value.
STDLIB = {
    "__future__",
    "base64",
    "collections.abc",
    "contextlib",
    "dataclasses",
    "decimal",
    "enum",
    "errno",
    "fnmatch",
    "functools",
    "hashlib",
    "hmac",
    "http",
    "ipaddress",
    "json",
    "math",
    "re",
    "typing",
    "urllib.parse",
    "zlib",
}
ENGINES = {"h11", "wsproto"}

# Each file imports from files above it only.
LAYERS = [
    "errors",
    "limits",
    "timeouts",
    "unreachable",
    "secret",
    "addresses",
    # open sessions
    "frames",
    "pings",
    "observer",
    "pipe",
    "messages",
    "closing",
    "watch",
    "usage",
    # opening handshakes
    "fields",
    "forwarded",
    "compression",
    "proxy_protocol",
    "head",
    "answers",
    "endpoints",
    "connect_proxy",
    # the catalogue: each entry may build on one above it
    "providers.openai",
    "providers.azure_openai",
    "providers.google",
    "providers.google_vertex",
    "providers.cartesia",
    "providers.elevenlabs",
    "providers.deepgram",
    "providers.fal",
    "providers.xai",
    "providers.assemblyai",
    "providers.hume",
    "providers.mistral",
    "providers.speechmatics",
    "providers.inworld",
    "providers.workers_ai",
    "providers.__init__",
    "subprotocols",
    "credentials",
    "metadata",
    "trace_context",
    "routing",
    # what sessions use
    "meters.reading",
    "meters.tally",
    "meters.inflater",
    "meters.reads",
    "meters.meter",
    "meters.tap",
    "meters.audio",
    "meters.openai_tokens",
    "meters.openai_realtime",
    "meters.openai_responses",
    "meters.openai_live",
    "meters.openai_translations",
    "meters.google_live",
    "meters.cartesia",
    "meters.elevenlabs",
    "meters.deepgram",
    "meters.xai",
    "meters.mistral",
    "meters.assemblyai",
    "meters.hume",
    "meters.speechmatics",
    "meters.catalogue",
    "meters.session_meter",
    "meters.__init__",
    "json_pairs",
    "message_credentials",
    "message_models",
    "gateways",
    "failover",
    "refusals",
    "upstream_opening",
    "lanes",
    "opening",
    # the public API
    "__init__",
]


def source(module: str) -> str:
    """The text of a file."""
    return (CORE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


def imports(module: str) -> Iterator[str]:
    """The dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            assert node.module is not None
            if node.module == "relay.protocol":
                yield from (f"relay.protocol.{alias.name}" for alias in node.names)
            else:
                yield node.module


each_module = pytest.mark.parametrize("module", MODULES)


def test_every_file_has_its_layer() -> None:
    assert sorted(LAYERS) == MODULES
    folders = {path.name for path in CORE.rglob("*") if path.is_dir()}
    assert folders <= {"meters", "providers", "__pycache__"}


@each_module
def test_a_file_imports_engines_the_core_and_pure_parts_of_the_stdlib(module: str) -> None:
    foreign = {
        name
        for name in imports(module)
        if name not in STDLIB
        and name.partition(".")[0] not in ENGINES
        and not name.startswith("relay.protocol.")
    }
    assert foreign == set()


@each_module
def test_a_file_imports_nothing_from_a_layer_below(module: str) -> None:
    above = LAYERS[: LAYERS.index(module)]
    imported = {
        name.removeprefix("relay.protocol.")
        for name in imports(module)
        if name.startswith("relay.protocol.")
    }
    assert imported <= {name.removesuffix(".__init__") for name in above}


@each_module
def test_a_file_neither_opens_nor_evaluates_anything(module: str) -> None:
    tree = ast.parse(source(module))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"__import__", "eval", "exec", "input", "open", "print"}


@each_module
def test_a_file_is_no_coroutine(module: str) -> None:
    tree = ast.parse(source(module))
    asynchronous = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not [node for node in ast.walk(tree) if isinstance(node, asynchronous)]
