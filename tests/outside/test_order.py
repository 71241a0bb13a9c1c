"""A fleet of 200 workers, six deep: its start and its stop take the time of their critical path, in order."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import until
from tests.up.fleet import Up, shutdowns

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

DEEP, COUNT, WORK = 6, 200, 0.5
# It needs half a second to get ready, and half a second to stop.
SCRIPT = f"trap 'exec sleep {WORK}' TERM; sleep {WORK}; echo >&3; exec 3>&-; while :; do sleep 600 & wait; done"


def graph(rng: Random) -> dict[str, list[str]]:
    """Return whom each worker needs: one to three of the level below its own, of six levels."""
    levels = [[f"w{level}-{place}" for place in range(level, COUNT, DEEP)] for level in range(DEEP)]
    found: dict[str, list[str]] = {name: [] for name in levels[0]}
    for below, level in pairwise(levels):
        found |= {name: rng.sample(below, rng.randint(1, 3)) for name in level}
    return found


def played(folder: Path) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Start the fleet, stop it when all are ready; what each needs, and the record of each."""
    needs = graph(Random(7))
    config = '[fleet]\nname = "tested"\n'
    for name, others in needs.items():
        names = ", ".join(f'"{other}"' for other in others)
        config += f'[worker.{name}]\ncommand = ["sh", "-c", "{SCRIPT}"]\nready = "fd=3"\ndepends_on = [{names}]\n'
        config += 'stop.signal = "TERM"\nagent = false\n'
    with Up(folder, config, "--report", "r.json") as fleet:
        until(lambda: all(one["phase"] == "running" for one in fleet.state().values()), "all are ready")
        assert fleet.ended() == 0
    return needs, {title: one for title, (one,) in shutdowns(folder / "r.json").items()}


def ends(one: dict[str, Any]) -> float:
    return float(one["zero"] + one["spans"]["total"])


def longest(needs: dict[str, list[str]], took: dict[str, float]) -> float:
    """Return the seconds of the longest way, each worker with the time that it took itself."""
    ways: dict[str, float] = {}
    for name, others in needs.items():  # whoever is needed stands before
        ways[name] = took[name] + max((ways[other] for other in others), default=0.0)
    return max(ways.values())


@pytest.mark.outside
def test_the_time_of_the_critical_path(tmp_path: Path) -> None:
    """What each worker takes by itself, its fork on a busy machine included, is its own; we add less than a tenth."""
    needs, records = played(tmp_path)
    for name, others in needs.items():
        for other in others:
            assert records[name]["begun"]["at"] >= records[other]["ready"]["at"], (name, other)
            assert records[other]["zero"] >= ends(records[name]), (name, other)
    asked = min(one["begun"]["queued"] for one in records.values())
    start = max(one["ready"]["at"] for one in records.values()) - asked
    stop = max(map(ends, records.values())) - min(one["zero"] for one in records.values())
    starts = longest(needs, {name: one["ready"]["at"] - one["begun"]["at"] for name, one in records.items()})
    stops = longest(needs, {name: one["spans"]["total"] for name, one in records.items()})
    print(f"start {start:.3f} s, critical path {starts:.3f} s; stop {stop:.3f} s, critical path {stops:.3f} s")
    assert start <= starts * 1.1
    assert stop <= stops * 1.1
