"""A Trio application with a relay in it: its own accounts, provider keys, budgets and listener.

Run it with ``python voice_app.py relay.toml``; the teams are made up.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import trio

import relay
from relay.protocol import Refused, Secret

CARD_NUMBER = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")


@dataclass
class Team:
    """Who pays."""

    token: Secret
    openai_key: Secret
    budget: Decimal
    """US dollars that are left."""


class Accounts:
    """The application's own, in place of gateway tokens in the configuration."""

    def __init__(self, teams: dict[str, Team]) -> None:
        self.teams = teams

    async def authorise(self, asked: relay.Asked) -> relay.Granted:
        """Let a team in that has money left, with its own key and without card numbers."""
        known = [each for each in self.teams.items() if each[1].token == asked.gateway_token]
        if not known:
            raise Refused(401, 2009, "this token is of no team")
        name, team = known[0]
        if team.budget <= 0:
            raise Refused(402, 2003, "the budget of this team is spent")
        return relay.Granted(
            key=team.openai_key,
            policies=[without_card_numbers],
            metadata={"team": name},
        )

    def ended(self, record: relay.SessionRecord) -> None:
        """Pay for a session."""
        team = self.teams.get(str(record.metadata.get("team")))
        if team is not None and record.cost is not None:
            team.budget -= record.cost


def without_card_numbers(message: str | bytes) -> list[str | bytes]:
    """Take out of a client's text what the provider is not to hear."""
    return [CARD_NUMBER.sub("[card]", message) if isinstance(message, str) else message]


async def serve(
    configuration: Path,
    accounts: Accounts,
    *,
    port: int = 8080,
    task_status: trio.TaskStatus[tuple[relay.Server, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the application until its relay has drained.

    Args:
        configuration: The relay's; its listeners are not used.
        accounts: Who may do what.
        port: Where to listen.
        task_status: Gets the relay, and the port.
    """
    settings = replace(relay.load(configuration), listeners=())
    hooks = relay.Hooks(authorise=accounts.authorise, ended=accounts.ended)
    server = relay.Server(settings, hooks=hooks)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, server.handle, listeners)
        task_status.started((server, listeners[0].socket.getsockname()[1]))
        await server.run()  # until server.drain(), and the last session's end
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    red = Team(Secret(b"red-token"), Secret(b"sk-red"), Decimal(5))
    try:
        trio.run(
            serve,
            Path(sys.argv[1]),
            Accounts({"red": red}),
            restrict_keyboard_interrupt_to_checkpoints=True,  # not in the midst of starting a task
        )
    except* KeyboardInterrupt:
        pass
