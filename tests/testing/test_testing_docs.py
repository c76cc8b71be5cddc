"""docs/testing.md shows what there is: code that runs elsewhere, and every law."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from relay.testing import playbook
from relay.testing.laws import PROXY_LAWS, RECEIVER_LAWS

_ROOT = Path(__file__).parents[2]
_TEXT = (_ROOT / "docs/testing.md").read_text(encoding="utf-8")


def test_its_code_is_that_of_the_example_and_of_the_playbook() -> None:
    example, session = re.findall(r"```python\n(.*?)```", _TEXT, re.DOTALL)
    assert example == (_ROOT / "examples/testing/test_naive_proxy.py").read_text(encoding="utf-8")
    assert textwrap.indent(session.strip(), "    ") in str(playbook.__doc__)


def test_it_has_every_law_and_what_it_says() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \| (.*) \|$", _TEXT, re.MULTILINE)
    laws = [(law.name, law.says) for law in PROXY_LAWS]
    assert rows == laws + [(law.name, law.says) for law in RECEIVER_LAWS]
