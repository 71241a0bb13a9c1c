"""How each supervisor is told to run a job. One function per peer; a new peer is one more of them.

Versions whose option names these functions follow: tini 0.19, dumb-init 1.2.5, catatonit 0.1.7, coreutils 9.1,
s6 2.11, runit 2.1.2, supervisord 4.3.0, circus 0.19.0, honcho 2.0.0, pm2 7.0.4.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

OURS = ("run", "run --no-agent", "up", "up, by section")
# The variable that names the file for the figures of a run that is timed by section.
SECTIONS = "BENCHMARK_SECTIONS"
PYTHON = "python -c pass"

# A clean environment for all: PYTHONDONTWRITEBYTECODE or PYTHONUNBUFFERED of the caller would change the figures.
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": "/"}


class PeerAbsent(Exception):
    """The peer's program is not on this machine; the text says how to get it."""


@dataclass(frozen=True)
class Job:
    """What to run. ``folder`` is private and empty; ``grace`` is in seconds, None for the peer's own default."""

    folder: Path
    command: list[str]
    count: int = 1
    grace: float | None = None
    report: Path | None = None


@dataclass(frozen=True)
class Launch:
    """How to run it. ``stop`` is the signal that stops all."""

    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    stop: int = signal.SIGTERM


Launcher = Callable[[Job, str], Launch]


@dataclass(frozen=True)
class Peer:
    """``program`` is looked for; ``get`` says how to install it; ``launch`` turns a job and the program's path into
    a command. Which experiments a peer can take part in is said there, in their ``subjects``."""

    name: str
    program: str
    get: str
    launch: Launcher


PEERS: dict[str, Peer] = {}


def _peer(name: str, program: str, get: str) -> Callable[[Launcher], Launcher]:
    def register(launch: Launcher) -> Launcher:
        PEERS[name] = Peer(name, program, get, launch)
        return launch

    return register


class Programs:
    """Finds peers on PATH and under the folder of ``--peers-dir`` (virtual environments, unpacked packages, npm)."""

    def __init__(self, supervisor: str | None, folder: Path | None) -> None:
        beside = Path(sys.executable).with_name("supervisor")
        self._supervisor = supervisor or (str(beside) if beside.exists() else None)
        extra: list[str] = []
        for pattern in ("*/bin", "*/usr/bin", "*/node_modules/.bin") if folder else ():
            extra += [str(found) for found in sorted(folder.glob(pattern))] if folder else []
        self._path = os.pathsep.join([ENVIRONMENT["PATH"], *extra])

    def find(self, peer: Peer) -> str:
        """Absolute path of the peer's program; raises PeerAbsent."""
        if peer.name in OURS:
            if self._supervisor is None:
                raise PeerAbsent(f"{peer.name}: no `supervisor` beside {sys.executable}; {peer.get}")
            return self._supervisor
        found = shutil.which(peer.program, path=self._path)
        if found is None:
            raise PeerAbsent(f"{peer.name}: no `{peer.program}` on PATH or under --peers-dir; {peer.get}")
        return found


# ------------------------------------------------------------------ ours

_INSTALL = "pip install . (not editable) into the environment of the Python that runs this"


@_peer("run", "supervisor", _INSTALL)
def _run(job: Job, program: str) -> Launch:
    return _wrapped(job, program)


@_peer("run --no-agent", "supervisor", _INSTALL)
def _run_no_agent(job: Job, program: str) -> Launch:
    return _wrapped(job, program, "--no-agent")


def _wrapped(job: Job, program: str, *options: str) -> Launch:
    grace = [] if job.grace is None else ["--grace", f"{job.grace:g}"]
    report = ["--report", str(job.report)] if job.report else []
    return Launch([program, "run", *options, *grace, *report, "--", *job.command])


@_peer("up", "supervisor", _INSTALL)
def _up(job: Job, program: str) -> Launch:
    grace = "" if job.grace is None else f"stop.grace = {job.grace:g}\n"
    path = job.folder / "supervisor.toml"
    path.write_text(f"""\
[fleet]
name = "bench-{job.folder.parent.name}"
[worker.worker]
command = {json.dumps(job.command)}
instances = {job.count}
restart = "never"
on_exit = "ignore"
{grace}""")
    # No peer keeps a history; what ours costs is a line of the README.
    options = ["--history", "off", *(["--report", str(job.report)] if job.report else [])]
    return Launch([program, "up", "-c", str(path), *options])


@_peer("up, by section", "supervisor", _INSTALL)
def _up_by_section(job: Job, program: str) -> Launch:
    """The Python beside the command runs it, timed by section."""
    python, driver = Path(program).with_name("python"), Path(__file__).with_name("sections.py")
    _, *arguments = _up(job, program).argv
    return Launch([str(python), str(driver), os.environ[SECTIONS], *arguments])


# ------------------------------------------------------------------ wrappers of one command


@_peer("bare", "env", "part of coreutils")
def _bare(job: Job, program: str) -> Launch:  # noqa: ARG001  # every launcher has this shape
    return Launch(job.command)


@_peer("tini", "tini", "apt-get install tini")
def _tini(job: Job, program: str) -> Launch:
    return Launch([program, "-s", "--", *job.command])


@_peer("tini -g", "tini", "apt-get install tini")
def _tini_group(job: Job, program: str) -> Launch:
    return Launch([program, "-s", "-g", "--", *job.command])


@_peer("dumb-init", "dumb-init", "apt-get install dumb-init")
def _dumb_init(job: Job, program: str) -> Launch:
    return Launch([program, "--", *job.command])


@_peer("catatonit", "catatonit", "apt-get install catatonit")
def _catatonit(job: Job, program: str) -> Launch:
    return Launch([program, "--", *job.command])


@_peer("timeout(1)", "timeout", "part of coreutils")
def _timeout(job: Job, program: str) -> Launch:
    return Launch([program, "-k", str(job.grace or 60), "100000", *job.command])


# ------------------------------------------------------------------ managers of many


@_peer(
    "supervisord",
    "supervisord",
    "pip install supervisor (in a virtual environment of its own)",
)
def _supervisord(job: Job, program: str) -> Launch:
    path = job.folder / "supervisord.conf"
    path.write_text(f"""\
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={job.folder}/supervisord.pid
minfds=8192
minprocs=2000
[program:worker]
command={shlex.join(job.command)}
numprocs={job.count}
process_name=worker%(process_num)d
autorestart=false
stopwaitsecs={max(1, round(job.grace or 10))}
stdout_logfile=NONE
stderr_logfile=NONE
""")
    return Launch([program, "-n", "-c", str(path)])


@_peer("circus", "circusd", "pip install circus (in a virtual environment of its own)")
def _circus(job: Job, program: str) -> Launch:
    path = job.folder / "circus.ini"
    path.write_text(f"""\
[circus]
endpoint=ipc://{job.folder}/e
pubsub_endpoint=ipc://{job.folder}/p
loglevel=CRITICAL
[watcher:worker]
cmd={shlex.join(job.command)}
numprocesses={job.count}
graceful_timeout={job.grace or 10}
copy_env=True
respawn=False
""")
    return Launch([program, str(path)])


@_peer("honcho", "honcho", "pip install honcho (in a virtual environment of its own)")
def _honcho(job: Job, program: str) -> Launch:
    path = job.folder / "Procfile"
    path.write_text(f"web: {shlex.join(job.command)}\n")
    return Launch([program, "-d", str(job.folder), "-f", str(path), "start", "-c", f"web={job.count}"])


@_peer("pm2", "pm2-runtime", "npm install pm2")
def _pm2(job: Job, program: str) -> Launch:
    path = job.folder / "ecosystem.json"
    app = {
        "name": "worker",
        "script": job.command[0],
        "args": job.command[1:],
        "interpreter": "none",
        "exec_mode": "fork",
        "instances": job.count,
        "autorestart": False,
        "kill_timeout": int((job.grace or 10) * 1000),
        "out_file": "/dev/null",
        "error_file": "/dev/null",
        "merge_logs": True,
    }
    path.write_text(json.dumps({"apps": [app]}))
    return Launch([program, "start", str(path)], env={"PM2_HOME": str(job.folder / "pm2"), "HOME": str(job.folder)})


def _script(path: Path, command: list[str]) -> None:
    path.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
    path.chmod(0o755)


def _services(job: Job) -> Path:
    """A scan folder with one service folder per worker, as runit and s6 read it."""
    scan = job.folder / "services"
    for index in range(job.count):
        service = scan / f"worker{index}"
        service.mkdir(parents=True)
        _script(service / "run", job.command)
    return scan


@_peer("runit", "runsvdir", "apt-get download runit && dpkg -x (installing it would replace init)")
def _runit(job: Job, program: str) -> Launch:
    scan = _services(job)
    folder = str(Path(program).parent)
    env = {"PATH": f"{folder}:{ENVIRONMENT['PATH']}"}
    if job.count == 1:
        return Launch([f"{folder}/runsv", str(scan / "worker0")], env=env)
    return Launch([program, str(scan)], env=env, stop=signal.SIGHUP)


@_peer("s6", "s6-svscan", "apt-get install s6")
def _s6(job: Job, program: str) -> Launch:
    scan = _services(job)
    for service in scan.iterdir():
        _script(service / "finish", ["sh", "-c", "exit 125"])  # 125: do not start it again
        (service / "timeout-kill").write_text(str(int((job.grace or 10) * 1000)))
    if job.count == 1:
        return Launch([str(Path(program).with_name("s6-supervise")), str(scan / "worker0")])
    return Launch([program, "-c", "2000", str(scan)])
