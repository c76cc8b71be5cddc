"""Added latency: a percentile less that of loopback in the same turn."""

from bench.load import Latency, PacedResult
from bench.pacing import above_noise, add_turn
from bench.samples import Samples


def result(latency: Latency | None, lost: int = 0, peer_cpu: float = 0) -> PacedResult:
    return PacedResult(
        messages=1000,
        lost=lost,
        ended=0,
        seconds=2,
        cpu=1,
        peer_cpu=peer_cpu,
        latency=latency,
        lateness=Latency(1, 2, 3, 4, 5),
    )


def test_added_latency_is_against_loopback_in_the_same_turn() -> None:
    taken = {"loopback": Samples(), "relay": Samples()}
    for bare, p50, p99 in [(10, 110, 500), (30, 150, 900), (20, 100, 800)]:
        turn = {
            "loopback": result(Latency(bare, bare, bare * 2, bare, bare)),
            "relay": result(Latency(p50, p50, p99, p99, p99), lost=200, peer_cpu=0.016),
        }
        add_turn(taken, turn)
    relay = taken["relay"].row("pacing", "paced", "relay", tls=False).values
    assert relay["added_p50"].runs == (100.0, 120.0, 80.0)
    assert relay["added_p99"].runs == (480.0, 840.0, 760.0)
    assert relay["added_p99"].value == 760
    assert relay["lost"].value == 200
    assert relay["cpu"].value == 20  # per message that was answered
    assert relay["late_p99"].value == 3
    loopback = taken["loopback"].row("pacing", "paced", "loopback", tls=False).values
    assert "added_p99" not in loopback


def test_a_peer_that_answered_nothing_has_lost_all_and_no_latency() -> None:
    taken = {"loopback": Samples(), "relay": Samples()}
    add_turn(taken, {"loopback": result(Latency(1, 1, 1, 1, 1)), "relay": result(None, lost=1000)})
    relay = taken["relay"].row("pacing", "paced", "relay", tls=False).values
    assert {measure: value.value for measure, value in relay.items()} == {"lost": 1000}


def test_a_difference_that_is_not_above_zero_is_no_latency() -> None:
    taken = {"loopback": Samples(), "relay": Samples()}
    for bare in (300, 500, 600):  # as the machine disturbs loopback more than the proxy adds
        turn = {
            "loopback": result(Latency(10, 10, bare, bare, bare)),
            "relay": result(Latency(30, 30, 500, 500, 500)),
        }
        add_turn(taken, turn)
    row = above_noise(taken["relay"].row("pacing", "paced", "relay", tls=False))
    assert row.values["added_p50"].value == 20
    assert "added_p99" not in row.values
    assert row.values["p99"].value == 500
    assert row.note == "p99 not above loopback's noise, so there is no added latency to give"
    assert above_noise(row) is row
