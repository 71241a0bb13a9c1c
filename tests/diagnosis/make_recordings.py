"""Makes the recordings again: ``python -m tests.diagnosis.make_recordings [NAME…]``.

Needs SIGDRAIN_CORPUS_VENVS (tests/corpus/README.md): the frameworks on several Pythons.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.diagnosis.record import Recording, answered, connect, dumps, record

HERE = Path(__file__).resolve().parent
PROGRAMS, RECORDINGS = HERE / "programs", HERE / "recordings"
INT, TERM = signal.SIGINT, signal.SIGTERM
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass(frozen=True)
class Case:
    """``{port}`` in ``argv`` becomes a free port, on which ``client`` is connected when the program is ready."""

    name: str
    argv: str
    pythons: tuple[str, ...]
    signals: tuple[tuple[int, float], ...] = ((TERM, 10.0),)
    client: bytes = b""
    waits_for_answer: bool = False
    settle: float = 0.1
    group: bool = True


CASES = (
    Case("echo", "echo_server.py {port}", ("3.8", "3.11"), ((INT, 2.0),), b"hello\n", True),
    Case("echo", "echo_server.py {port}", ("3.12", "3.13"), ((INT, 0.6), (INT, 0.6), (INT, 2.0)), b"hello\n", True),
    Case("caught", "cancel_caught.py", ("3.9", "3.12"), ((INT, 2.0),)),
    Case("caught-term", "cancel_caught.py", ("3.11",)),
    Case("executor", "executor_outlives_main.py", ("3.8", "3.13"), ()),
    Case("loop-stop", "loop_stop.py", ("3.10",)),
    Case("loop-stop-worker", "loop_stop.py worker", ("3.12",)),
    Case("uvicorn", "uvicorn_slow_request.py {port} asyncio 1", ("3.12",), client=GET, settle=0.3),
    Case("uvicorn-uvloop", "uvicorn_slow_request.py {port} uvloop 1", ("3.10",), client=GET, settle=0.3),
    Case("uvicorn-two-workers", "uvicorn_slow_request.py {port} asyncio 2", ("3.11",), client=GET, settle=0.3),
    Case("aiohttp", "aiohttp_slow_request.py {port}", ("3.13",), client=GET, settle=0.3),
    Case("hypercorn", "hypercorn_overrun.py {port}", ("3.11", "3.12"), client=GET, settle=0.3),
    Case("hung-aiohttp", "aiohttp_hung_request.py {port} 60", ("3.13",), ((TERM, 1.0),), GET, settle=0.3),
    Case("cut-aiohttp", "aiohttp_hung_request.py {port} 0.5", ("3.10",), client=GET, settle=0.3),
    Case("hung-hypercorn", "hypercorn_hung_request.py {port}", ("3.11",), ((TERM, 1.0),), GET, settle=0.3),
    Case("hung-websocket", "websocket_hung.py {port}", ("3.12",), ((TERM, 1.0),), UPGRADE, settle=0.3),
    Case("cut-stream", "starlette_stream.py {port}", ("3.10", "3.13"), client=GET, settle=0.3),
    Case("celery-group", "celery_prefork.py", ("3.12",), ((TERM, 1.5),), settle=0.3),
    Case("celery-main", "celery_prefork.py", ("3.12",), settle=0.3, group=False),
    Case("two-causes", "two_causes.py", ("3.9",)),
    Case("gil-held", "gil_held.py", ("3.12",), ((TERM, 0.6),)),
    Case("tidy", "tidy.py", ("3.8", "3.13")),
)


def main() -> int:
    venvs = Path(os.environ["SIGDRAIN_CORPUS_VENVS"])
    port = 34000
    for case in CASES:
        for version in case.pythons:
            name = f"{case.name}-{version}"
            if sys.argv[1:] and not any(name.startswith(wanted) for wanted in sys.argv[1:]):
                continue
            port += 1
            taken = _take(case, venvs / version / "bin" / "python", port)
            text = dumps(taken, _neutral(venvs, version))
            (RECORDINGS / f"{name}.jsonl").write_text(text)
            print(f"{name}: {len(taken.messages)} messages, {len(text)} bytes")
    return 0


def _take(case: Case, python: Path, port: int) -> Recording:
    argv = [str(python), *case.argv.replace("{port}", str(port)).split()]
    reach = answered if case.waits_for_answer else connect
    return record(
        argv, cwd=str(PROGRAMS), signals=case.signals, settle=case.settle, group=case.group,
        prepare=(lambda _: reach(port, case.client)) if case.client else None,
    )  # fmt: skip


def _neutral(venvs: Path, version: str) -> dict[str, str]:
    """Folders of the machine that took the recording, by the names any machine could have."""
    stdlib = (
        os.popen(f"{venvs / version}/bin/python -c 'import os; print(os.path.dirname(os.__file__))'").read().strip()
    )
    return {
        str(PROGRAMS): "/app",
        str(venvs / version): "/venv",
        stdlib: f"/usr/lib/python{version}",
        str(HERE.parents[1]): "/project",
    }


if __name__ == "__main__":
    sys.exit(main())
