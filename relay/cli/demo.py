"""``relay demo``: the relay among doubles of its providers."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from relay import log
from relay.cli.run_until_told import run_until_told

__all__ = ["demo"]


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the conversations; exit 1 if one failed.")
    ] = False,
    http_port: Annotated[int, typer.Option(help="Port without TLS; a free one if taken.")] = 8080,
    https_port: Annotated[int, typer.Option(help="Port with TLS; a free one if taken.")] = 8443,
    admin_port: Annotated[int, typer.Option(help="Port of the page; a free one if taken.")] = 9464,
    live: Annotated[
        bool, typer.Option("--live", help="Then hold some varied sessions, to have a look at.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[PROVIDER=]FAULT",
            help="What a provider, or each, does wrong; may be repeated. See above.",
        ),
    ] = None,
) -> None:
    """Run the relay, doubles of four providers, and a conversation with each of them.

    Nothing leaves this machine and no keys are needed. Afterwards it prints how to connect from
    Node, Python and a browser, and the address of the page with its token, and serves until Ctrl-C.

    A provider with a fault has no conversation here: point your own program at it. The faults are

    - refuse:STATUS: refuse the opening with an HTTP status, from 200 to 599 (503)
    - hangup: end the connection in place of an answer to the opening
    - late:TIME: answer the opening only after a time (5s)
    - drop: end the connection (FIN) without a Close, between two frames
    - vanish: end the connection (FIN) without a Close, in the middle of a frame
    - reset: reset the connection (RST) in the middle of a frame
    - stall: keep the connection, but read nothing and send nothing more
    - slow:bytes=N,every=TIME: send some bytes (1) at a time, with pauses (100ms)
    - oversize:SIZE: send a binary message that is too big (33554433B, one byte over 32MiB)
    - utf8: send a text message that is not UTF-8, and go on
    - mask: send a masked frame, which a server must not, and go on
    - close:CODE REASON: send a Close with any code and reason, or an empty one

    Those from drop on may say after how many messages (drop:after=3; 1, but 0 for slow).
    """
    # trustme loads slowly
    from relay.demo import demo as run_demo  # noqa: PLC0415
    from relay.demo.faults import read_faults  # noqa: PLC0415

    if once and live:
        raise typer.BadParameter("--once ends what --live would hold", param_hint="--live")
    try:
        faults = read_faults(fault or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    log.configure("warning", json=False)
    run_until_told(
        partial(
            run_demo,
            once=once,
            http_port=http_port,
            https_port=https_port,
            admin_port=admin_port,
            live=live,
            console=Console(),
            faults=faults,
        )
    )
