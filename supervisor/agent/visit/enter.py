"""Runs in the main thread of a program that was started without us (sys.remote_exec), says how it stands, and leaves.

bring.py writes a copy of this file, in which FOLDER is set, into a folder of the program's own user. The
interpreter runs that copy between two instructions of the program, perhaps long after whoever asked has gone: then
nobody listens, and all that is done is to remove the folder. Nothing may be raised here: it would be printed.
"""

from __future__ import annotations

import _signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = ""


def enter() -> None:
    """Say how the program stands to whoever listens in the folder, and remove the folder."""
    # As in the agent: no handler of the program runs inside of us; faults are not held back.
    mask = _signal.pthread_sigmask(
        _signal.SIG_BLOCK, frozenset(range(1, 65)) - {4, 5, 6, 7, 8, 9, 11, 19, 31, 32, 33}
    )
    interrupted = False
    try:
        visit()
    except KeyboardInterrupt:  # it came before signals were held back: the program is to have it
        interrupted = True
    except BaseException:
        pass
    finally:
        for name in [name for name in sys.modules if name.startswith("_sigdrain_agent")]:
            del sys.modules[name]
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
        if interrupted:
            import _thread

            _thread.interrupt_main()


def visit() -> None:
    import _imp
    import marshal  # built in, like the others
    import os

    try:
        # What is run by exec() has the name "<string>", and its frame would be taken for one of the program's.
        _imp._fix_co_filename(sys._getframe(2).f_code, "<sigdrain-agent>/enter")  # type: ignore[attr-defined]  # CPython's own
        if "_sigdrain_agent" in sys.modules:
            return
        with open(FOLDER + "/agent", "rb", 0) as file:
            codes = marshal.loads(file.readall())
        agent: Any = type(sys)("_sigdrain_agent")
        agent.code, agent.home = lambda name, _: codes[name], FOLDER
        sys.modules["_sigdrain_agent"] = agent
        exec(codes["_sigdrain_agent"], agent.__dict__)
        agent.MEETING, agent.visiting = FOLDER + "/socket", True
        agent.connect(False)
        if agent._line >= 0:
            look(agent)
    finally:
        for name in ("agent", "socket", "enter.py"):
            try:
                os.unlink(FOLDER + "/" + name)
            except OSError:
                pass
        try:
            os.rmdir(FOLDER)
        except OSError:
            pass


def look(agent: Any) -> None:
    """Say how things stand, and close the connection."""
    try:
        for name in agent.BODY:  # they import each other
            sys.modules["_sigdrain_agent_" + name] = type(sys)("_sigdrain_agent_" + name)
        agent.load()
        agent.module_of("visit").look()
    except Exception as error:
        agent.failed("visit", error)
    finally:
        line = agent.connection()
        if line is not None:
            line.close()


enter()
