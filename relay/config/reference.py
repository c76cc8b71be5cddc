"""The reference of ``relay.toml``, made of the model that reads it: a JSON Schema, and tables."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from relay.config.model import (
    AdminModel,
    ConfigModel,
    GatewayModel,
    LimitsModel,
    ProviderModel,
    RecordsModel,
    ServerModel,
    TokenModel,
)

__all__ = ["schema", "with_tables"]

_TABLES: Mapping[str, type[BaseModel]] = {
    "server": ServerModel,
    "limits": LimitsModel,
    "records": RecordsModel,
    "admin": AdminModel,
    "gateway": GatewayModel,
    "token": TokenModel,
    "provider": ProviderModel,
}
_MARKED = re.compile(r"(<!-- keys of (\w+)[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)


def schema() -> dict[str, Any]:
    """The JSON Schema of the file (draft 2020-12), for editors.

    What only the whole configuration tells, such as whether a provider is known, is not in it:
    ``relay check`` says that.
    """
    found = ConfigModel.model_json_schema()
    definitions = found["$defs"]
    texts = definitions["LimitsModel"]["properties"]
    for name, key in definitions["GatewayLimitsModel"]["properties"].items():
        key["description"] = texts[name]["description"]
    for each in (*definitions.values(), found):
        each.pop("title")
        each.pop("description", None)  # of a class: for readers of the code
        for key in each["properties"].values():
            key.pop("title", None)
            key.pop("x-unset", None)
            if "description" in key:
                key["description"] = " ".join(key["description"].split())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "relay.toml",
    } | found


def with_tables(text: str) -> str:
    """A document in which the tables that are marked are as the model has them.

    Args:
        text: Markdown; ``<!-- keys of server -->`` and ``<!-- end -->`` stand around a table.
    """
    return _MARKED.sub(lambda found: f"{found[1]}{_table(_TABLES[found[2]])}{found[3]}", text)


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | default | |", "| --- | --- | --- |"]
    for name, key in model.model_fields.items():
        extra = key.json_schema_extra
        words = extra.get("x-unset") if isinstance(extra, dict) else None
        if words is None:
            words = "needed" if key.is_required() else _value(key.default)
        text = " ".join((key.description or "").split())
        rows.append(f"| `{name}` | {words} | {text} |")
    return "\n".join([*rows, ""])


def _value(default: object) -> str:
    return "none" if default is None else f"`{json.dumps(default)}`"


def _write(docs: Path) -> None:
    """Bring the tables and the schema in a folder of documents up to date."""
    page = docs / "configuration.md"
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    text = json.dumps(schema(), indent=1)
    (docs / "relay.schema.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":  # python -m relay.config.reference docs
    _write(Path(sys.argv[1]))
