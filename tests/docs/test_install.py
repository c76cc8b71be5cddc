"""What the documents say of installing, done: with pip, and file by file for systemd.

Nothing is fetched. A new environment is lent the packages that this Python has, so that pip finds
each dependency, and builds and installs the relay itself.
"""

from __future__ import annotations

import os
import re
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.dist import build
from tests.config.files import OPEN_GATEWAY
from tests.docs.commands import Reader, Shell, all_commands
from tests.docs.snippets import ROOT
from tests.e2e.requirements import needs

_UNIT = ROOT / "deploy" / "relay.service"
_INSTALLATIONS = sorted({each.text for each in all_commands() if each.text.startswith("pip ")})
_OTHERS = {"pip install websockets": "Requirement already satisfied: websockets"}
"""What pip says of packages that are lent."""
_KEY = "sk-of-the-provider"


class _System:
    """A folder that stands for the root of a system, on which docs/deploy.md was followed."""

    def __init__(self, root: Path) -> None:
        needs(find_spec("hatchling"), "hatchling (pip install '.[dist]')")
        needs(find_spec("ensurepip"), "ensurepip")
        self.root = root
        systemd = root / "etc" / "systemd" / "system"
        systemd.mkdir(parents=True)
        here = root / "here"
        here.mkdir()
        (here / "deploy").symlink_to(ROOT / "deploy")
        (here / "relay.toml").write_text(OPEN_GATEWAY)
        build(ROOT, here / "dist")
        self.shell = Shell(root, here)
        del self.shell.environment["PYTHONPATH"]  # what is installed is to be found, and no other
        self.shell.environment |= {
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # which pip takes for: without isolation
            "PIP_NO_INDEX": "1",
        }
        self._follow()

    def _follow(self) -> None:
        reader = Reader("docs/deploy.md", self.shell)
        reader.knows |= {name: f"{self.root}{name}" for name in ("/opt/relay", "/etc/")}
        reader.knows["-g relay"] = f"-g {os.getgid()}"  # that one is made by useradd
        reader.types("python3 -m venv ")
        self._lend_packages()
        for beginning in ("/opt/relay/bin/pip install ", "install -d ", "install -d "):
            reader.types(beginning)
        self.shell.run(reader.next("install -m 0600 /dev/stdin ").text, stdin=_KEY)
        for beginning in ("install -m 0640 ", "install -m 0644 "):
            reader.types(beginning)
        reader.is_done()

    def _lend_packages(self) -> None:
        (site,) = self.root.glob("opt/relay/lib/python*/site-packages")
        lent = self.root / "lent"
        lent.mkdir()
        for kind in ("purelib", "platlib"):
            for path in Path(sysconfig.get_path(kind)).iterdir():
                if "realtime_relay" not in path.name and not (lent / path.name).exists():
                    (lent / path.name).symlink_to(path)
        (site / "lent.pth").write_text(f"{lent}\n")

    def path(self, name: str) -> Path:
        """Where a file of the system is."""
        return self.root / name.removeprefix("/")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> _System:
    return _System(tmp_path_factory.mktemp("system"))


def test_the_unit_finds_what_was_installed_for_it(system: _System) -> None:
    unit = _UNIT.read_text(encoding="utf-8")
    assert system.path(f"/etc/systemd/system/{_UNIT.name}").read_text() == unit
    (start,) = re.findall(r"^ExecStart=(\S+) serve (.*)$", unit, re.MULTILINE)
    program, options = start
    options = options.replace("/etc/", f"{system.root}/etc/")
    checked = system.shell.run(f"{system.path(program)} check {options}")
    assert "acct/main" in checked


def test_its_key_is_for_root_alone(system: _System) -> None:
    (name,) = re.findall(r"^LoadCredential=\w+:(.*)$", _UNIT.read_text(), re.MULTILINE)
    key = system.path(name)
    assert key.read_text() == _KEY
    assert oct(key.stat().st_mode & 0o777) == "0o600"
    assert oct(key.parent.stat().st_mode & 0o777) == "0o700"


@pytest.mark.parametrize("command", _INSTALLATIONS)
def test_pip_installs_it(system: _System, command: str) -> None:
    shell = system.shell
    shell.folder = ROOT
    printed = shell.run(f"{system.root}/opt/relay/bin/{command} 2>&1")
    assert "does not provide the extra" not in printed
    its = "Successfully installed realtime-relay-"
    assert _OTHERS.get(command, its) in printed
    assert shell.run(f"{system.root}/opt/relay/bin/relay --version").startswith("relay ")
