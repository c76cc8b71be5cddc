"""Programs to paste, which run the examples against the demo from Node, Python and a browser.

The gateway token is all the credential they hold: the gateway has the providers' keys stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from relay.demo.examples import EXAMPLES, Example
from relay.demo.world import World

__all__ = ["browser", "node", "print_snippets", "python"]


def print_snippets(console: Console, world: World) -> None:
    """Print every example in every language, its lines as they are, however long."""
    sections: tuple[tuple[str, Callable[[Example, World], str]], ...] = (
        ("Node, in a shell (needs: npm install ws)", node),
        ("Python, in a shell (needs: pip install websockets)", python),
        (f"Browser, in the console of the page {world.page_url}", browser),
    )
    for title, snippet in sections:
        console.print(Text(title, style="bold underline"), soft_wrap=True)
        for example in EXAMPLES:
            console.print(Text(f"\n{snippet(example, world)}"), soft_wrap=True)
        console.print()


def node(example: Example, world: World) -> str:
    """The example for a shell with Node and its package ``ws``, over TLS."""
    lines = [
        f"NODE_EXTRA_CA_CERTS={world.ca} node --input-type=module <<'END'",
        'import WebSocket from "ws";',
        f"const headers = {json.dumps(_headers(example, world))};",
        f'const ws = new WebSocket("{world.secure_url}/{example.resource}", {{ headers }});',
        f'ws.on("open", () => ws.send(JSON.stringify({json.dumps(example.message)})));',
        'ws.on("message", (data) => {',
        "  const text = data.toString();",
        "  console.log(text);",
        *_reactions(example),
        "});",
        'ws.on("close", (code) => console.log("closed with", code));',
        "END",
    ]
    return "\n".join(lines)


def python(example: Example, world: World) -> str:
    """The example for a shell with Python and its package ``websockets``, over TLS."""
    lines = [
        "python3 - <<'END'",
        "import json, ssl",
        "from websockets.sync.client import connect",
        f"url = {f'{world.secure_url}/{example.resource}'!r}",
        f"headers = {_headers(example, world)!r}",
        f"trust = ssl.create_default_context(cafile={str(world.ca)!r})",
        "with connect(url, additional_headers=headers, ssl=trust, proxy=None) as ws:",
        f"    ws.send(json.dumps({example.message!r}))",
        "    while True:",
        "        text = ws.recv(decode=True)",
        "        print(text)",
    ]
    if example.answer is not None:
        lines += [
            f"        if '\"{example.cue}\"' in text:",
            f"            ws.send(json.dumps({example.answer!r}))",
        ]
    lines += [
        f"        if '\"{example.last}\"' in text:",
        "            break",
        'print("closed with", ws.close_code)',
        "END",
    ]
    return "\n".join(lines)


def browser(example: Example, world: World) -> str:
    """The example for a browser's console, without TLS: browsers do not know the trust root."""
    entries = json.dumps(["relay", f"cf-aig-authorization.{world.token}"])
    message = json.dumps(example.browser_message or example.message)
    lines = [
        "{",
        f'const ws = new WebSocket("{world.plain_url}/{example.resource}", {entries});',
        'ws.binaryType = "arraybuffer";',
        f"ws.onopen = () => ws.send(JSON.stringify({message}));",
        "ws.onmessage = ({ data }) => {",
        '  const text = typeof data === "string" ? data : new TextDecoder().decode(data);',
        "  console.log(text);",
        *_reactions(example),
        "};",
        'ws.onclose = ({ code }) => console.log("closed with", code);',
        "}",
    ]
    return "\n".join(lines)


def _headers(example: Example, world: World) -> dict[str, str]:
    return {**dict(example.fields), "cf-aig-authorization": world.token}


def _reactions(example: Example) -> list[str]:
    """What the JavaScript programs do with a message."""
    lines = [f"  if (text.includes('\"{example.last}\"')) ws.close(1000);"]
    if example.answer is not None:
        send = f"ws.send(JSON.stringify({json.dumps(example.answer)}))"
        lines.insert(0, f"  if (text.includes('\"{example.cue}\"')) {send};")
    return lines
