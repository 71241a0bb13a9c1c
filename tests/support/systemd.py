"""A real systemd as PID 1 of throw-away namespaces: boots in about a second, all that it changes is thrown away."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.support.processes import PATIENCE

INNER = Path(__file__).with_name("systemd_root.py")
SYSTEMD = Path("/lib/systemd/systemd")


def missing(root: str = "/") -> str | None:
    """Return why no systemd can be booted here; None when one can."""
    if os.geteuid() != 0:
        return "needs root: namespaces, overlayfs, cgroup2"
    if not Path(root, SYSTEMD.relative_to("/")).exists():
        return f"needs systemd in {root} (Debian package systemd)"
    for tool in ("unshare", "nsenter", "pivot_root", "systemctl"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    known = Path("/proc/filesystems").read_text().split()
    absent = [name for name in ("cgroup2", "overlay") if name not in known]
    return f"needs a kernel with {' and '.join(absent)}" if absent else None


class Bed:
    """One booted systemd. ``shared`` folders are the machine's own inside too, writes included.

    ``root`` is the system to boot, ``/`` for the machine's own.
    """

    def __init__(self, *shared: Path, root: str = "/") -> None:
        self._folder = tempfile.mkdtemp(prefix="bed-", dir="/tmp")
        self._shared = [str(folder) for folder in shared]
        self._root = root
        self._cgroup = Path()
        self._outer: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        try:
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _boot(self) -> None:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        places = [fields[1] for fields in mounts if fields[2] == "cgroup2"]
        if not places:
            places = [f"{self._folder}-cgroup"]
            os.mkdir(places[0])
            subprocess.run(["mount", "-t", "cgroup2", "cgroup2", places[0]], check=True)
        self._cgroup = Path(places[0], f"bed-{os.getpid()}-{os.path.basename(self._folder)}")
        self._cgroup.mkdir()
        namespaces = "--mount --pid --uts --ipc --net --cgroup --fork --kill-child=SIGKILL --propagation private"
        inner = [sys.executable, "-I", str(INNER), self._folder, self._root, *self._shared]
        # The shell enters the new cgroup before it unshares: the root of the cgroup namespace is that cgroup.
        script = f'echo $$ > {self._cgroup}/cgroup.procs && exec unshare {namespaces} "$@"'
        with open(f"{self._folder}.log", "wb") as log:
            self._outer = subprocess.Popen(
                ["sh", "-c", script, "sh", *inner],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + PATIENCE
        while not self._is_systemd():
            assert self._outer.poll() is None and time.monotonic() < end, self._log()
            time.sleep(0.02)
        while self("systemctl", "is-system-running", check=False).strip() not in ("running", "degraded"):
            assert self._outer.poll() is None and time.monotonic() < end, self._log()
            time.sleep(0.02)

    def _is_systemd(self) -> bool:
        assert self._outer is not None
        with contextlib.suppress(OSError, IndexError):
            children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
            self.pid = int(children[0])
            return Path(f"/proc/{self.pid}/comm").read_text().strip() == "systemd"
        return False

    def _log(self) -> str:
        return Path(f"{self._folder}.log").read_text(errors="replace")

    def popen(self, *command: str) -> subprocess.Popen[str]:
        """Start a command inside."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]
        return subprocess.Popen([*enter, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __call__(self, *command: str, check: bool = True) -> str:
        """Run a command inside to its end; what it printed."""
        with self.popen(*command) as process:
            said, _ = process.communicate(timeout=PATIENCE)
        assert not check or process.returncode == 0, f"{command} exited with {process.returncode}:\n{said}"
        return said

    def unit(self, name: str, text: str) -> None:
        """Write a unit file and have it read."""
        self.write(f"/run/systemd/system/{name}", text)
        self("systemctl", "daemon-reload")

    def write(self, path: str, text: str) -> None:
        """Write a file inside."""
        enter = [
            "nsenter",
            "-t",
            str(self.pid),
            "-m",
            "-r",
            "-w",
            "sh",
            "-c",
            'mkdir -p "${1%/*}" && cat > "$1"',
            "sh",
            path,
        ]
        subprocess.run(enter, input=text, text=True, check=True, timeout=PATIENCE)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit, as `systemctl show` tells them."""
        lines = self("systemctl", "show", unit, *[f"--property={name}" for name in properties]).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, unit: str, *options: str) -> str:
        """What the journal has of a unit."""
        self("journalctl", "--sync", check=False)
        return self("journalctl", "--unit", unit, "--quiet", "--no-pager", "--output", "cat", *options)

    def close(self) -> None:
        """Kill the inner PID 1, and with it all that is left in its namespace; remove what was made."""
        if self._outer is not None:
            if self.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, 9)
            self._outer.kill()
            self._outer.wait(PATIENCE)
        end = time.monotonic() + PATIENCE
        while self._cgroup.name and self._cgroup.exists() and time.monotonic() < end:
            for folder in sorted(self._cgroup.rglob("*"), key=lambda one: -len(one.parts)):
                if folder.is_dir():
                    with contextlib.suppress(OSError):
                        folder.rmdir()
            with contextlib.suppress(OSError):
                self._cgroup.rmdir()
            time.sleep(0.02)
        own = Path(f"{self._folder}-cgroup")
        if own.exists():
            subprocess.run(["umount", str(own)], check=False)
            own.rmdir()
        shutil.rmtree(self._folder, ignore_errors=True)
        Path(f"{self._folder}.log").unlink(missing_ok=True)
