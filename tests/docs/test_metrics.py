"""docs/metrics.md has every metric, and docs/grafana.json shows only what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from relay.live_sessions import Glance, LiveState
from relay.metrics import Metrics
from tests.records.samples import a_record
from tests.test_metrics import PRICES, Relay

DOCS = Path(__file__).parents[2] / "docs"
_OPEN = Glance(a_record(), LiveState.SILENT, 1.0)
_LABEL = re.compile(r"`([a-z_]+)`")


def _families() -> dict[str, tuple[str, set[str]]]:
    """By name as it stands in the text: its type and its labels."""
    metrics = Metrics(Relay(open=[_OPEN]), PRICES)
    metrics.refused("relay", 401, 2009)
    metrics.ended(a_record())
    metrics.ended(a_record(usage=None))
    families = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        if family.name.startswith("relay_") and not family.name.endswith("_created"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            families[name] = family.type, labels
    return families


def test_the_table_has_every_metric_with_its_type_and_its_labels() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (DOCS / "metrics.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `relay_")
    ]
    written = {row[0].strip("`"): (row[1], set(_LABEL.findall(row[2]))) for row in rows}
    assert len(written) == len(rows)
    assert written == _families()
    assert all(row[3] for row in rows)


def _expressions() -> list[str]:
    dashboard: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return shown + [
        each["definition"] for each in dashboard["templating"]["list"] if "definition" in each
    ]


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    named = {
        re.sub("_bucket$", "", name)
        for expression in _expressions()
        for name in re.findall(r"\brelay_[a-z_]+", expression)
    }
    assert named == _families().keys()


def test_the_dashboard_goes_by_labels_that_there_are() -> None:
    families = _families()
    for expression in _expressions():
        if expression.startswith("label_values"):
            continue
        names = re.findall(r"\brelay_[a-z_]+", expression)
        labels = set(re.findall(r"(\w+)=~?\"", expression))
        for group in re.findall(r"by \(([^)]*)\)", expression):
            labels |= set(group.split(", "))
        for name in names:
            known = families[re.sub("_bucket$", "", name)][1]
            assert labels - {"le"} <= known, expression


def test_panels_do_not_overlap() -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken
        taken |= cells
        assert place["x"] + place["w"] <= 24
