"""The line about a command that does not end: what is kept when there is little room."""

from __future__ import annotations

import pytest

from supervisor.core import ladder, signum
from supervisor.core.record import Masks, Waiting
from supervisor.core.spec import FIRST, RUN, ExecSpec, StopSpec, WorkerSpec
from supervisor.core.worker.life import Life, Process, Standing, Stop
from supervisor.diagnosis.hang import Hang
from supervisor.views.hang import line

PLAIN = Masks(0, 0, 0)
QUIT_CAUGHT = Masks(1 << (signum.QUIT - 1), 0, 0)
WAITS = Waiting("waits for task 'consume the orders' at queue.py:41 (7 more)", "queue.py:41")
KEY = Hang(100.0, signum.INT, requested=False)


def life(escalation: str = "TERM/10/KILL") -> Life:
    """The command of `run`, asked to stop at instant 100."""
    spec = WorkerSpec("w", ExecSpec(("w",)), StopSpec(ladder.parse(escalation)))
    stop = Stop("signal SIGTERM", 1, 100.0, 100.0, 1, Standing(0, 100.0))
    return Life(FIRST, spec, RUN, "draining", process=Process(7, running_since=50.0), stop=stop)


WHOLE = "supervisor: 3 s after Ctrl-C: waits for task 'consume the orders' at queue.py:41 (7 more)"


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (160, f"{WHOLE}; Ctrl-C again, or Ctrl-\\ ends it at once"),
        (110, f"{WHOLE}; Ctrl-\\ ends it"),
        (80, "supervisor: 3 s after Ctrl-C: task 'consume the … at queue.py:41; Ctrl-\\ ends it"),
        (60, f"{WHOLE}; Ctrl-\\ ends it"),
    ],
)
def test_the_place_and_the_key_are_kept(width: int, text: str) -> None:
    assert line(KEY, life(), WAITS, PLAIN, 103.2, width) == f"{text}\n"


def test_a_key_that_the_program_takes_is_not_said_to_end_it() -> None:
    assert line(KEY, life(), WAITS, QUIT_CAUGHT, 103.0, 110).endswith("; kill -KILL 7 ends it\n")
    assert line(KEY, life(), WAITS, None, 103.0, 110).endswith("; kill -KILL 7 ends it\n")


def test_a_ladder_tells_its_next_signal() -> None:
    asked = Hang(100.0, signum.TERM, requested=True)
    assert line(asked, life(), None, PLAIN, 103.0, 80) == (
        "supervisor: 3 s after SIGTERM: pid 7 has not ended; SIGKILL in 7 s\n"
    )
    assert line(asked, life("none"), None, PLAIN, 103.0, 80).endswith("; kill -KILL 7 ends it\n")


def test_nothing_of_a_program_reaches_the_terminal_raw() -> None:
    told = line(KEY, life(), Waiting("waits for task '\x1b[2J\n' at \x9b.py:1", "\x9b.py:1"), PLAIN, 103.0, 200)
    assert told[:-1].isprintable() and told.endswith("\n")
