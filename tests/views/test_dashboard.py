"""The dashboard's screens: kept as text at three widths, and whole at any size.

After an intended change: UPDATE_GOLDEN=1 pytest tests/views/test_dashboard.py, and read the difference.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from supervisor.core import ladder
from supervisor.core.contract import state
from supervisor.core.fleet.state import new
from supervisor.core.spec import FIRST, ExecSpec, FleetSpec, StopSpec, WorkerSpec
from supervisor.views.dashboard import rows
from supervisor.views.dashboard.fleet import Roster
from supervisor.views.dashboard.frame import Frame, Log, Look, frame
from supervisor.views.dashboard.rows import Usage, age, countdown
from tests.top import scenes

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[1] / "top" / "golden"
NOW = scenes.NOW


def screen(workers: list[dict[str, Any]], head: dict[str, Any], width: int, height: int, **look: Any) -> Frame:
    log = Log()
    log.add(scenes.LOG, 0)
    usage = {
        one["pid"]: Usage(one["index"] * 7 % 130 / 100, 31_500_000 + one["index"] * 1_700_000)
        for one in workers
        if one["pid"] is not None
    }
    return frame(Roster(head, workers), usage, log, Look(**look), NOW, width, height)


def text(made: Frame) -> str:
    return "".join("".join(part.text for part in line).rstrip() + "\n" for line in made.lines)


def up(count: int, make: Callable[[int], list[dict[str, Any]]], **look: Any) -> tuple[Any, ...]:
    return make(count), scenes.fleet(make(count)), look


def down(count: int, **look: Any) -> tuple[Any, ...]:
    return scenes.going_down(count), scenes.down(scenes.going_down(count)), look


SCENES = {
    "running-3": up(3, scenes.running, embedded=True),
    "troubled-12": up(12, scenes.troubled, embedded=True),
    "troubled-30": up(30, scenes.troubled),
    "running-300": up(300, scenes.running, log=False),
    "stopping-12": down(12, embedded=True),
    "stopping-300": down(300, row=40, focus="rows"),
    "help": up(3, scenes.running, help=True, embedded=True),
}


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", SCENES)
def test_screens_are_as_kept(name: str, width: int) -> None:
    workers, head, look = SCENES[name]
    made = text(screen(workers, head, width, 24, **look))
    path = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(made)
    assert made == path.read_text()


@given(
    st.sampled_from(list(SCENES)),
    st.integers(1, 210),
    st.integers(1, 60),
    st.integers(-5, 400),
    st.integers(-5, 50),
    st.booleans(),
    st.booleans(),
)
def test_whole_at_every_size(
    name: str, width: int, height: int, row: int, back: int, log: bool, shows_help: bool
) -> None:
    workers, head, _ = SCENES[name]
    made = screen(workers, head, width, height, row=row, back=back, log=log, help=shows_help)
    assert len(made.lines) <= height
    assert all(sum(part.cell_length for part in line) <= width for line in made.lines)
    assert made.moves_at > NOW


def test_everybody_is_shown_or_counted() -> None:
    workers, head, _ = SCENES["stopping-300"]
    for row in (0, 17, 10_000):
        made = screen(workers, head, 120, 30, row=row)
        (counted,) = [line for line in text(made).splitlines() if re.search(r"[↑+] ?\d+ .*more", line)]
        hidden = sum(int(word) for word in counted.split(":")[0].split() if word.isdecimal())
        assert len(made.shown) + hidden == 300
        if ":" in counted:
            told = sum(int(part.split()[0]) for part in counted.split(": ")[1].split(", "))
            assert told == hidden


def test_trouble_comes_first_the_nearest_kill_on_top() -> None:
    workers = [
        *scenes.running(2),
        scenes.worker(2, "backoff", "backoff", restart_at=NOW + 1),
        scenes.worker(3, "killed", "exited", outcome="killed", signal="SIGKILL", ended=NOW - 1),
        scenes.worker(4, "failed", "failed", outcome="failed", exit_code=1),
        scenes.stopping(5, "later", 1.0),
        scenes.stopping(6, "sooner", 5.0),
        scenes.worker(7, "stuck", "stuck", want="down", stop=scenes.stopping(7, "stuck", 30.0)["stop"]),
    ]
    order = [worker["title"] for worker in Roster(scenes.fleet(workers), workers).order]
    assert order == ["stuck", "sooner", "later", "failed", "killed", "backoff", "web", "api"]


def test_a_still_screen_does_not_ask_for_frames() -> None:
    workers = scenes.running(3)
    # Ages of hours change by the minute.
    assert screen(workers, scenes.fleet(workers), 80, 24).moves_at > NOW + 10
    gone = [one | {"pid": None, "since": None} for one in workers]
    assert screen(gone, scenes.fleet(gone), 80, 24).moves_at == math.inf
    young = [one | {"since": NOW - 3.25} for one in workers]
    assert screen(young, scenes.fleet(young), 80, 24).moves_at == pytest.approx(NOW + 0.75)


def test_the_header_of_a_stop() -> None:
    workers, head, _ = SCENES["stopping-12"]

    def header(embedded: bool = True, **fields: Any) -> str:
        return text(screen(workers, head | fields, 120, 24, embedded=embedded)).splitlines()[0]

    assert "stopping 5 workers, kill in 4 s; Ctrl-C again: next step now" in header()
    assert "sooner: supervisor stop --now" in header(embedded=False)
    assert "no kill planned" in header(next_kill=None)
    assert "kill now" in header(next_kill=NOW - 1)


def test_the_shapes_are_those_of_the_core() -> None:
    """The scenes cannot drift from what the socket sends."""
    spec = WorkerSpec("web", ExecSpec(("true",)), StopSpec(ladder.parse("TERM/10/KILL")))
    fleet = new(FleetSpec((spec,)))
    assert state.worker_view(fleet, fleet.lives[FIRST], 0).keys() == scenes.worker(0, "web").keys()
    assert state.fleet_view(fleet).keys() == scenes.fleet([]).keys()
    made = screen([state.worker_view(fleet, fleet.lives[FIRST], 0)], state.fleet_view(fleet), 80, 24)
    assert "waiting" in text(made)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 00 min"), (86400 * 2.5, "2 d 12 h")],
)
def test_ages(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "now"), (0.34, "in 0.3 s"), (9.96, "in 10 s"), (120, "in 120 s"), (130, "in 3 min"), (1e6, "in 12 d")],
)
def test_countdowns(seconds: float, shown: str) -> None:
    assert countdown(seconds) == shown
    assert cell_len(shown) <= 8


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_stopping_worker_keeps_file_and_line_of_its_wait(width: int) -> None:
    """Also beside a long name, and when the task has one."""
    long = scenes.stopping(0, "thumbnails-of-the-shop", 3.0, waits="x", waits_at="w.py:1", chain=[])
    for told, at in (
        (f"waits for task '{'resize-' * 9}' at pictures/thumbnails.py:1234 (17 more)", "pictures/thumbnails.py:1234"),
        (f"child 4711 waits for task {'y' * 200} at mailer.py:58", "mailer.py:58"),
    ):
        seen = text(screen([long | {"waits": told, "waits_at": at}], scenes.down([long]), width, 24))
        assert at in seen and "…" in seen


def test_of_many_stopping_workers_each_row_says_at_least_where() -> None:
    waits: dict[str, Any] = {
        "waits": "main thread blocked at shop/mailer.py:58",
        "waits_at": "shop/mailer.py:58",
        "chain": [],
    }
    many = [scenes.stopping(number, f"mailer.{number}", 3.0, **waits) for number in range(30)]
    seen = text(screen(many, scenes.down(many), 80, 24))
    stopping = [line for line in seen.split("\n") if "KILL in" in line]
    assert len(stopping) > 5 and all("shop/mailer.py:58" in line for line in stopping)
    assert "sooner: supervisor stop --now" in seen and "q quit" in seen


def test_the_keys_are_told_where_the_sentence_beside_them_is_long() -> None:
    many = [scenes.stopping(number, f"mailer.{number}", 3.0) for number in range(30)]
    seen = text(screen(many, scenes.fleet(many, name="a-long-name", want="down"), 80, 24)).split("\n")[0]
    assert "stopping 30 workers" in seen and "sooner" not in seen and seen.endswith("q quit")


@pytest.mark.parametrize(("width", "shows"), [(80, "mailer.py:58 → nobody"), (200, "at mailer.py:58 → nobody")])
def test_why_a_wait_does_not_end_is_shown_where_there_is_room(width: int, shows: str) -> None:
    one = scenes.stopping(0, "mailer", 3.0, **scenes.WAITS[1])
    assert f"{shows}: 'flusher' was cancelled at mailer.py:51" in text(screen([one], scenes.down([one]), width, 24))


def test_the_whole_chain_where_it_fits() -> None:
    chain = [{"what": what, "where": None, "pid": 7} for what in ("main waits for a task", "task 'x' sleeps")]
    one = scenes.stopping(0, "a", 3.0, waits="waits for task 'x' at a.py:1", waits_at="a.py:1", chain=chain)
    assert "main waits for a task → task 'x' sleeps" in text(screen([one], scenes.down([one]), 120, 24))
    unreadable = one | {"chain": [{"what": 3}]}
    assert "task 'x' at a.py:1" in text(screen([unreadable], scenes.down([one]), 120, 24))


def test_what_a_worker_says_of_itself_stands_beside_it() -> None:
    workers = [scenes.worker(0, "api", status_text="serving 3 clients\x1b[2J")]
    assert "serving 3 clients" in (seen := text(screen(workers, scenes.fleet(workers), 120, 24)))
    assert "\x1b" not in seen


def test_a_worker_in_a_loop_of_crashes_is_not_running() -> None:
    """Between two crashes it is there for a while; it counts as running when it has been healthy."""
    crashing = scenes.worker(0, "api", starts=4, since=NOW - 2, healthy_at=NOW + 8)
    workers = [crashing, scenes.worker(1, "web")]
    head = scenes.fleet(workers)
    seen = text(screen(workers, head, 100, 24))
    assert "running 1/2 · 1 unstable" in seen and re.search(r"api +unstable", seen)
    assert screen(workers, head, 100, 24).moves_at <= NOW + 8
    healthy = text(screen([crashing | {"healthy_at": NOW - 1}, workers[1]], head, 100, 24))
    assert "running 2/2" in healthy and "unstable" not in healthy


def test_the_help_page_has_every_phase() -> None:
    workers, head, look = SCENES["help"]
    made = text(screen(workers, head, 80, 24, **look))
    assert [phase for phase in (*rows.STYLES, "unstable") if f"  {phase} " not in made] == []


def test_our_own_messages_in_the_log_are_broken_between_words() -> None:
    log = Log()
    told = "web: cannot start 'webb': not found in PATH (check the spelling, or install it); restart 1 in 510 ms"
    log.add([{"index": 0, "title": "web", "stream": "stdout", "line": "x" * 200}] * 30, 0)
    log.add([{"index": None, "title": "supervisor", "stream": "stderr", "line": told}] * 3, 0)
    workers = scenes.running(3)
    made = frame(Roster(scenes.fleet(workers), workers), {}, log, Look(), scenes.NOW, 80, 24)
    shown = text(made).split("\n")
    assert max(map(cell_len, shown)) <= 80 and len(made.lines) == 24
    ours = [line.partition("│ ")[2] for line in shown if line.startswith(" supervisor")]
    assert " ".join(" ".join(ours).split()) == " ".join([told] * 3), "nothing of them is cut"


def test_a_row_in_backoff_leaves_out_what_there_is_no_room_for() -> None:
    one = scenes.worker(0, "web", "backoff", pid=None, started=False, exit_code=127, starts=4, restart_at=NOW + 3.5)
    told = {width: text(screen([one], scenes.fleet([one]), width, 24)).split("\n")[2] for width in (84, 80, 66)}
    assert told[84].endswith("restart in 3.5 s · could not be started (127) · 4 starts")
    assert told[80].endswith("restart in 3.5 s · could not be started (127)")
    assert told[66].endswith("  in 3.5 s · could not be started (127)")
