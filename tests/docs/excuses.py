"""What of the documents is not run where the rest is: why, and where it is looked at instead."""

from __future__ import annotations

from dataclasses import dataclass

from tests.docs.snippets import ROOT

__all__ = ["CANNOT_RUN", "CODE_BY_OTHERS", "Excuse", "Place"]


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
"""Commands, by the whole of their text, as :class:`tests.docs.commands.Command` has it."""

CODE_BY_OTHERS = {
    # As one program, in which sessions are then held.
    "docs/embedding.md": (
        Place("tests/e2e/drivers.py", 'in snippets(GUIDE.relative_to(ROOT).as_posix(), "python")'),
        Place("tests/docs/test_embedding.py", "\ndef test_the_snippets_run("),
        Place("tests/e2e/test_fidelity.py", "\npytestmark = with_the_guide\n"),
    ),
    # As the programs of `make sdk`, of which each block is a part.
    "docs/sdks.md": (
        Place("tests/sdk/test_docs.py", 'in snippets("docs/sdks.md", _FENCES[language])'),
        Place("tests/sdk/test_docs.py", "\ndef test_the_code_of_the_page_is_that_of_the_programs("),
        Place(".ci/run", "\nmake sdk\n"),
    ),
    # As the program that the page has its reader write and start.
    "docs/start.md": (
        Place("tests/docs/test_command.py", '(program,) = snippets("docs/start.md", "python")'),
    ),
    # As tests: the first one as the example that it is, the others as they stand there.
    "docs/testing.md": (
        Place("tests/testing/test_testing_docs.py", 'in snippets("docs/testing.md", "python")'),
        Place("tests/testing/test_testing_docs.py", "\ndef test_the_other_code_runs("),
        Place("tests/testing/test_example.py", '_run("test_naive_proxy.py", '),
    ),
}
"""Documents whose code in Python and JavaScript is run elsewhere, by where all of it is run."""
