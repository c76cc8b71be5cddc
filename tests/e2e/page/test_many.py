"""Thousands of live sessions, and one whose model would like to be markup."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.page.scenes import HOSTILE, many, session_id
from tests.e2e.page.support import listening, operator
from tests.support import real_clock

ROWS = "document.querySelectorAll('tbody tr')"


@real_clock
async def test_with_five_thousand_sessions_a_hundred_are_in_the_page(tmp_path: Path) -> None:
    async with listening(many(5000)) as url, operator(url, tmp_path) as it:
        await it.enter()
        await it.read("5,000 live, 100 shown")
        assert await it.ask(f"{ROWS}.length") == 100
        await it.press("/")
        await it.type("shop")  # of no id, token, model or address
        await it.read("No live session matches these filters")
        await it.ask("document.activeElement.select()")
        await it.type(session_id(4321))
        await it.see(f"{ROWS}.length === 1")
        assert await it.ask("document.querySelectorAll('*').length") < 300
        await it.ask("document.querySelector('.state.is-opening').click()")
        await it.read("0 of 5,000 match")
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_it_asks_again_and_again_one_request_at_a_time(tmp_path: Path) -> None:
    """As DevTools saw them go out, and come to an end."""
    async with listening(many(5000)) as url, operator(url, tmp_path) as it:
        await it.enter()
        asked = """performance.getEntriesByType("resource")
              .filter((one) => one.name.includes("/live")).length"""
        await it.see(f"{asked} >= 3")
        events = await it.do(lambda page: page.events)
        under_way: set[str] = set()
        for event in events:
            about = event.get("params", {})
            match event["method"]:
                case "Network.requestWillBeSent" if "/live" in about["request"]["url"]:
                    assert not under_way
                    under_way.add(about["requestId"])
                case "Network.loadingFinished" | "Network.loadingFailed":
                    under_way.discard(about["requestId"])


@real_clock
async def test_what_came_from_the_network_is_text(tmp_path: Path) -> None:
    relay = many(20, last_model=HOSTILE)
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter(f"#/live?q={session_id(19)}")
        await it.read(HOSTILE, "tbody")
        await it.press("j", "Enter")
        await it.read(HOSTILE, "h1")
        await it.press("e")
        await it.read(HOSTILE, "dialog")
        assert await it.ask("document.querySelectorAll('main img').length") == 0
        assert await it.ask("document.title") == "Session \u2013 relay"
        requests = await it.do(lambda page: page.requests)
        assert not [each for each in requests if not each.startswith(f"{url}/")]
        assert await it.do(lambda page: page.complaints) == []
