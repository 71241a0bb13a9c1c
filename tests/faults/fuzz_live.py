"""Bad input to a supervisor that runs: its control socket, and the channel of the agents."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults import inputs
from tests.support.processes import Wrapped, report
from tests.up.fleet import Up

LIAR = str(Path(__file__).with_name("liar.py"))
# Lines to the control socket over one connection, messages of one worker: enough that bounds are met.
LINES, MESSAGES = 50, 200


def control(count: int, seed: int) -> list[str]:
    """Send ``count`` requests to a running fleet, then ask it properly, and stop it."""
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        config = '[worker.w]\ncommand = ["sleep", "600"]\n[worker.v]\ncommand = ["sleep", "600"]\ninstances = 2\n'
        with Up(folder, config, "--report", "r.json") as fleet:
            fleet.phases(w="running")
            for first in range(0, count, LINES):
                lines = [
                    inputs.request(random.Random(f"{seed} {first + n}")) for n in range(min(LINES, count - first))
                ]
                failures += [f"control {first}: {fault}" for fault in _conversation(fleet, lines)]
            with fleet.connect() as client:
                if client.ask("status").get("ok") is not True:
                    failures.append("control: no status afterwards")
            code = fleet.ended()
            if code != 0 or "Traceback" in fleet.stderr:
                failures.append(f"control: ended with {code}: {fleet.stderr[-1500:]}")
    return failures


def _conversation(fleet: Up, lines: list[bytes]) -> list[str]:
    """Say all of it, then listen to the end. What is wrong with the answers."""
    from tests.faults.fuzz import RAW

    answers = b""
    follows = any(b'"watch"' in line for line in lines)
    with fleet.connect().stream as stream:
        if follows:
            stream.settimeout(1.0)  # a stream that follows the fleet has no end
        try:
            for line in lines:
                stream.sendall(line)
            stream.shutdown(socket.SHUT_WR)
        except OSError:  # it has ended the connection, as it may
            pass
        try:
            while data := stream.recv(1 << 16):
                answers += data
        except TimeoutError:
            if not follows:
                return ["hangs"]
        except OSError:
            pass
    faults = []
    for answer in answers.splitlines():
        try:
            told = json.loads(answer, parse_constant=_refuse)
        except ValueError as error:
            faults.append(f"no JSON ({error}): {answer[:200]!r}")
            continue
        if not isinstance(told, dict) or ("ok" in told and told["ok"] is not True and "error" not in told):
            faults.append(f"no answer: {answer[:200]!r}")
        if raw := RAW.search(answer.decode()):
            faults.append(f"raw {raw[0]!r} in {answer[:200]!r}")
    return faults


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def agent(count: int, seed: int) -> list[str]:
    """Let workers say ``count`` untrue things, and read the text, the Markdown and the JSON that come of it."""
    return [
        f"agent {first}: {fault}"
        for first in range(0, count, MESSAGES)
        for fault in _told_by(min(MESSAGES, count - first), f"{seed} {first}")
    ]


def _told_by(count: int, seed: str) -> list[str]:
    from tests.faults.fuzz import wrong

    draw = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        os.mkfifo(folder / "fifo")
        (folder / "said").write_text("".join(json.dumps(inputs.said(draw)) + "\n" for _ in range(count)))
        command = [sys.executable, "-ES", LIAR, "said"]
        with Wrapped(command, "-v", "--report", "r.json", "--report", "r.md", cwd=folder) as wrapped:
            wrapped.ready()
            wrapped.send(15)
            try:
                code: int | None = wrapped.wait()
            except subprocess.TimeoutExpired:
                code = None
            told = wrapped.stderr
        faults = [wrong(code, told)]
        if code is not None:
            faults.append(wrong(0, (folder / "r.md").read_text()))
            try:
                ended = report(folder / "r.json")
                json.dumps(ended, allow_nan=False)
            except (OSError, ValueError, AssertionError) as error:
                faults.append(f"report: {error}")
            if "root:" in told + (folder / "r.md").read_text() + (folder / "r.json").read_text():
                faults.append("a file that the worker may not name was shown")
    return [fault for fault in faults if fault]
