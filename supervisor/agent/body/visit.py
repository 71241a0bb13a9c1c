"""A visit: one look at a program that was started without us, brought in by ../visit. It leaves nothing behind."""

from __future__ import annotations

import _sigdrain_agent as agent
import _sigdrain_agent_arming as arming
import _sigdrain_agent_frames as frames
import _sigdrain_agent_own as own
import _sigdrain_agent_snapshot as snapshot
import _sigdrain_agent_tasks as tasks


def look() -> None:
    """Say how things stand, and who could end the waits that nobody owns. In the main thread, signals held back."""
    frames.found_own(own.look()[1])
    tasks.find_loops()
    found = tasks.pending()
    for task in found[: tasks.FOLLOWED]:
        tasks.follow(task, polled=True)  # without a callback of ours on it
    snapshot.say("look", None, True, found)
    arming.search(found)
    agent.flush()
