"""What is for tests stays there: a relay without the extra ``testing`` has to start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import relay

FOLDER = Path(relay.__file__).parent
_FOR_TESTS = ("relay.testing", "hypothesis", "pytest", "_pytest")


def test_the_relay_imports_nothing_of_the_kit() -> None:
    found = [
        (path.name, name)
        for path in FOLDER.rglob("*.py")
        if path.relative_to(FOLDER).parts[0] != "testing"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.startswith(_FOR_TESTS)
    ]
    assert found == []


def test_the_command_line_loads_nothing_that_is_for_tests() -> None:
    program = (
        "import sys, relay, relay.cli, relay.doubles, relay.demo, relay.admin.app;"
        f"print([name for name in sys.modules if name.startswith({_FOR_TESTS!r})])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_kit_draws_no_line_from_the_tests() -> None:
    """It is installed without them."""
    found = [
        path.name
        for path in (FOLDER / "testing").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("tests", "bench"))
    ]
    assert found == []
