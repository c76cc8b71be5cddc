"""The reference of the configuration is what the code reads, in the documents as in the schema."""

from __future__ import annotations

import json
import math
import re
import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from typer.testing import CliRunner

from relay.cli.commands import app
from relay.config.model import ConfigModel, LimitsModel
from relay.config.reference import schema, with_tables
from relay.units import duration, size
from tests.docs.snippets import ROOT

DOCS = ROOT / "docs"
TOKEN = {"name": "web", "sha256": "d2" * 32}
UPDATE = "python -m relay.config.reference docs"

GOOD: list[dict[str, Any]] = [
    {},
    {"server": {"listen": ["https://127.0.0.1:1"], "tls": {"certificate": "a", "key": "b"}}},
    {"limits": {"idle_timeout": "90s", "linger": "0.5s", "max_message_size": "1MiB"}},
    {"gateways": {"a/b": {"tokens": [TOKEN], "limits": {"max_duration": "1h"}}}},
    {"gateways": {"a/b": {"stored_keys": {"openai": {"default": "env:KEY"}}}}},
    {"providers": {"local": {"like": "openai", "upstreams": ["wss://a", "wss://b"]}}},
    {"prices": {"openai": {"gpt-*": {"input_text_tokens": "1 / 1M"}}}},
    {"records": {"retention_days": 7}, "admin": {"hosts": ["relay.test"]}},
]
BAD: list[dict[str, Any]] = [
    {"sever": {}},
    {"server": {"listen": []}},
    {"server": {"max_sessions": 0}},
    {"server": {"tls": {"certificate": "a"}}},
    {"limits": {"idle_timeout": 90}},
    {"limits": {"idle_timeout": "90"}},
    {"limits": {"max_message_size": "1MB"}},
    {"gateways": {"a/b": {"authentication": "maybe"}}},
    {"gateways": {"a/b": {"tokens": [{"name": "web"}]}}},
    {"gateways": {"a/b": {"limits": {"drain_timeout": "1s"}}}},
    {"providers": {"local": {"upstreams": []}}},
    {"records": {"retention_days": 0}},
]


def test_the_tables_are_those_of_the_code() -> None:
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert with_tables(text) == text, UPDATE
    assert text.count("<!-- keys of") == 7
    assert (
        "<!-- keys of token -->\n| key | default | |\n| --- | --- | --- |\n| `name` | needed |"
        in text
    )


def test_the_schema_is_that_of_the_code() -> None:
    text = (DOCS / "relay.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == schema(), UPDATE
    Draft202012Validator.check_schema(schema())
    assert CliRunner().invoke(app, ["schema"]).output == text


@pytest.mark.parametrize("document", GOOD, ids=str)
def test_what_can_be_read_fits_the_schema(document: dict[str, Any]) -> None:
    Draft202012Validator(schema()).validate(document)
    ConfigModel.model_validate(document)


@pytest.mark.parametrize("document", BAD, ids=str)
def test_what_cannot_be_read_does_not(document: dict[str, Any]) -> None:
    assert not Draft202012Validator(schema()).is_valid(document)
    with pytest.raises(ValidationError):
        ConfigModel.model_validate(document)


def test_the_examples_of_the_documents_fit() -> None:
    validator = Draft202012Validator(schema())
    examples = [
        block
        for path in DOCS.glob("*.md")
        for block in re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert len(examples) > 3
    for example in examples:
        validator.validate(tomllib.loads(example))


def test_every_key_has_a_text() -> None:
    for name, definition in schema()["$defs"].items():
        for key, shown in definition["properties"].items():
            assert shown["description"], (name, key)


def test_defaults_are_read_as_what_stands_in_the_file() -> None:
    limits = LimitsModel()
    for name, key in LimitsModel.model_fields.items():
        value = getattr(limits, name)
        if isinstance(key.default, str):
            read = size(key.default) if name.endswith("_size") else duration(key.default)
            assert value in {read, math.inf if read == 0 else read}
    assert limits.max_duration == limits.ping_interval == math.inf
    assert limits.linger == 0
