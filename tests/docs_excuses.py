"""The commands of the documents that no test runs: why, and what looks at them instead."""

from __future__ import annotations

from dataclasses import dataclass

from tests.snippets import ROOT

__all__ = ["CANNOT_RUN", "Excuse", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the repository."""

    file: str
    text: str
    """What stands there, and nowhere else in the file."""

    def is_there(self) -> bool:
        """Whether it still is."""
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.text) == 1


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why a command is not run."""

    why: str
    instead: Place
    """What looks at that which the command would do, or what would be wrong without it."""


_SYSTEMD = Place("tests/deploy/test_unit.py", "\ndef test_systemd_understands_all_of_it(")
_IMAGE = "tests/deploy/test_dockerfile.py"
_CLUSTER = "tests/deploy/test_kubernetes.py"

CANNOT_RUN = {
    "(cd examples/node && npm install)": Excuse(
        "installs from an index", Place(".ci/run", "\n(cd examples/node && npm install ")
    ),
    "useradd --system --user-group --home-dir /var/lib/relay --shell /usr/sbin/nologin relay": (
        Excuse(
            "makes a user of the system",
            Place("deploy/relay.service", "\nUser=relay\nGroup=relay\n"),
        )
    ),
    "systemctl daemon-reload": Excuse("needs systemd", _SYSTEMD),
    "systemctl enable --now relay": Excuse("needs systemd", _SYSTEMD),
    "systemctl reload relay": Excuse(
        "needs systemd", Place("tests/deploy/test_unit.py", '"\\nExecReload=/bin/kill -HUP ')
    ),
    "docker build -f deploy/Dockerfile -t relay .": Excuse(
        "needs a container engine",
        Place(_IMAGE, "\ndef test_what_is_copied_is_enough_for_the_wheel_and_the_build_sees_it("),
    ),
    "docker run --read-only --stop-timeout 35 -p 8080:8080 "
    "-v ./relay.toml:/etc/relay/relay.toml:ro -v ./keys:/etc/relay-keys:ro "
    "-v relay-data:/var/lib/relay relay": Excuse(
        "needs a container engine",
        Place(_IMAGE, "\ndef test_the_stop_timeout_it_asks_for_is_longer_than_a_drain("),
    ),
    "kubectl create namespace relay": Excuse(
        "needs a cluster", Place("deploy/kubernetes/kustomization.yaml", "\nnamespace: relay\n")
    ),
    "kubectl -n relay create secret generic relay-keys --from-file=openai=./openai.key": Excuse(
        "needs a cluster",
        Place(_CLUSTER, "\ndef test_files_are_where_the_configuration_looks_for_them("),
    ),
    "kubectl apply -k deploy/kubernetes": Excuse(
        "needs a cluster", Place(_CLUSTER, "\ndef test_all_of_them_are_applied(")
    ),
}
"""Commands, by the whole of their text, as :class:`tests.docs_commands.Command` has it."""
