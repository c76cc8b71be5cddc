"""deploy/kubernetes: valid by the schemas of Kubernetes, and true to what the relay does."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from relay.config import load
from relay.metrics import Metrics
from relay.server import Server
from relay.settings import Settings
from tests.deploy.paths import DEPLOY, program
from tests.e2e.requirements import needs

FOLDER = DEPLOY / "kubernetes"
NO_MANIFESTS = {"kustomization.yaml", "prometheus-adapter-values.yaml"}
MANIFESTS = sorted(each.name for each in FOLDER.glob("*.yaml") if each.name not in NO_MANIFESTS)


def _read(name: str) -> Any:
    needs(find_spec("yaml"), "PyYAML (pip install '.[deploy]')")
    import yaml  # noqa: PLC0415 - not every machine has it

    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pod() -> Any:
    return _read("deployment.yaml")["spec"]["template"]["spec"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What the relay in the pods runs by, with a key that is there."""
    key = tmp_path / "openai"
    key.write_text("sk-test")
    path = tmp_path / "relay.toml"
    text = _read("configmap.yaml")["data"]["relay.toml"]
    path.write_text(text.replace("/etc/relay-keys/openai", str(key)))
    return load(path)


@pytest.mark.parametrize("name", MANIFESTS)
def test_it_is_valid(name: str) -> None:
    """Strictly: a name that Kubernetes does not know is an error."""
    command = [program("kubernetes-validate"), "--strict", "--quiet", str(FOLDER / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_all_of_them_are_applied() -> None:
    assert sorted(_read("kustomization.yaml")["resources"]) == MANIFESTS


def test_a_pod_is_not_killed_while_it_drains(pod: Any, settings: Settings) -> None:
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= before + settings.timeouts.drain + 10


def test_probes_and_metrics_are_asked_where_the_relay_answers(pod: Any, settings: Settings) -> None:
    container = pod["containers"][0]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert settings.admin is not None
    assert [each.port for each in settings.listeners] == [ports["sessions"]]
    assert settings.admin.listener.port == ports["admin"]
    probes = {
        name: container[f"{name}Probe"]["httpGet"] for name in ("readiness", "liveness", "startup")
    }
    assert {name: each["path"] for name, each in probes.items()} == {
        "readiness": "/readyz",
        "liveness": "/healthz",
        "startup": "/healthz",
    }
    assert {each["port"] for each in probes.values()} == {"sessions"}
    annotations = _read("deployment.yaml")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["admin"])
    assert _read("service.yaml")["spec"]["ports"][0]["targetPort"] == "sessions"


def test_files_are_where_the_configuration_looks_for_them(pod: Any) -> None:
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    text = _read("configmap.yaml")["data"]["relay.toml"]
    (key,) = re.findall(r'"file:([^"]+)"', text)
    assert Path(key).parent == Path(mounts["keys"])
    # A mount inside another one, which is read-only, would have no folder to stand on.
    assert not Path(mounts["keys"]).is_relative_to(mounts["configuration"])
    command = re.search(r'"--config", "([^"]+)"', (DEPLOY / "Dockerfile").read_text())
    assert command is not None
    assert Path(command[1]).parent == Path(mounts["configuration"])


def test_the_user_is_the_images(pod: Any) -> None:
    user = pod["securityContext"]["runAsUser"]
    assert f"\nUSER {user}:{user}\n" in (DEPLOY / "Dockerfile").read_text()


def test_it_scales_before_it_is_full(settings: Settings) -> None:
    metric = _read("horizontalpodautoscaler.yaml")["spec"]["metrics"][0]["pods"]
    target = int(metric["target"]["averageValue"])
    assert settings.max_sessions is not None
    assert target <= 0.8 * settings.max_sessions
    (rule,) = _read("prometheus-adapter-values.yaml")["rules"]["custom"]
    assert rule["name"]["as"] == metric["metric"]["name"]


def test_the_metrics_of_the_rule_exist_and_one_of_them_always(settings: Settings) -> None:
    """The autoscaler takes a metric that is missing for unknown, and not for 0."""
    server = Server(settings)
    metrics = Metrics(server, settings.prices).exposition().decode()
    (rule,) = _read("prometheus-adapter-values.yaml")["rules"]["custom"]
    always = rule["seriesQuery"].partition("{")[0]
    assert re.search(rf"(?m)^{always} 0\.0$", metrics)
    name = rule["name"]["as"]
    assert f"sum({name}{{" in rule["metricsQuery"]
    assert f"\n# TYPE {name} gauge\n" in metrics
    assert not re.search(rf"(?m)^{name}\b", metrics)  # or the rule could be simpler


def test_everything_selects_the_relays_pods() -> None:
    labels = _read("deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        _read("deployment.yaml")["spec"]["selector"]["matchLabels"],
        _read("service.yaml")["spec"]["selector"],
        _read("poddisruptionbudget.yaml")["spec"]["selector"]["matchLabels"],
        _read("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"],
    ]
    assert selectors == [labels] * 4
    target = _read("horizontalpodautoscaler.yaml")["spec"]["scaleTargetRef"]
    assert target["name"] == _read("deployment.yaml")["metadata"]["name"]
