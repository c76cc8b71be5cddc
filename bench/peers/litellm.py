"""LiteLLM's `/v1/realtime`, in front of one OpenAI model whose base URL is the echo.

Set: one worker; a master key, without which it does not start, and no database; its list of prices
from its own package, not from the network; no telemetry. Everything else is default. It parses each
event as JSON, so it is given nothing else.

`python -m bench.peers.litellm` makes its environment.
"""

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers import Running, Site
from bench.peers.environments import ALONE, environment, make, missing
from bench.processes import free_port, running

_NAME = "litellm"
_PROGRAM = environment(_NAME) / "bin" / "litellm"
_READY_TIMEOUT = 120.0
"""Seconds. It imports for ten of them on a quiet machine."""


class LiteLlm:
    name = _NAME

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return missing(_NAME, _PROGRAM)

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        port = free_port()
        model = {
            "model": "openai/gpt-realtime",
            "api_key": "none",
            "api_base": f"{'https' if site.tls else 'http'}://localhost:{site.echo}",
        }
        # JSON is YAML too, which is what it reads.
        config = site.folder / "litellm.yaml"
        config.write_text(
            json.dumps({"model_list": [{"model_name": "bench", "litellm_params": model}]})
        )
        command: list[str | Path] = [_PROGRAM, "--config", config, "--num_workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        key = f"sk-{secrets.token_urlsafe(32)}"
        settings = {
            **ALONE,
            "LITELLM_MASTER_KEY": key,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
        }
        if site.tls:
            command += ["--ssl_certfile_path", site.tls.certificate]
            command += ["--ssl_keyfile_path", site.tls.key]
            settings["SSL_CERT_FILE"] = str(site.tls.ca)
        with running(
            command,
            port=port,
            folder=site.folder,
            environment=settings,
            ready_timeout=_READY_TIMEOUT,
        ) as process:
            fields = (f"Authorization: Bearer {key}",)
            target = "/v1/realtime?model=bench"
            yield Running(port, target, process, fields=fields, json=True)


PEER = LiteLlm()

if __name__ == "__main__":
    pip = environment(_NAME) / "bin" / "pip"
    make(
        _NAME,
        [sys.executable, "-m", "venv", "--clear", "."],
        [pip, "install", "--quiet", "--disable-pip-version-check", "litellm[proxy]"],
    )
