"""A program: builds the throw-away root of a test bed and becomes the systemd of it. Only `systemd.Bed` starts it.

It runs as PID 1 of fresh namespaces. The root is an overlay over the machine's own: the same Python, virtual
environment and checkout, and every write is thrown away with the namespace.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

UNIT = """\
[Unit]
Description=test bed
Requires=systemd-journald.service
After=systemd-journald.service
AllowIsolate=yes
"""
JOURNAL = "[Journal]\nStorage=volatile\nForwardToConsole=no\nRateLimitIntervalSec=0\n"
# What is not namespaced (sysctl, modules, time), slow (tmpfiles walks the overlay's /tmp for a minute) or needs
# hardware is switched off: everything of these two targets but the journal, and a few more.
TARGETS = ("sysinit.target.wants", "local-fs.target.wants")
MASKED = (
    "systemd-remount-fs.service systemd-logind.service systemd-udevd.service systemd-timesyncd.service"
    " systemd-pstore.service systemd-initctl.socket modprobe@.service tmp.mount"
).split()
DEVICES = "null zero full random urandom tty".split()


def mount(kind: str, place: Path, options: str = "", source: str = "") -> None:
    """mount(8); raises CalledProcessError."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", kind, *(["-o", options] if options else []), source or kind, str(place)]
    subprocess.run(command, check=True)


def bind(source: str, place: Path) -> None:
    """The same file or folder in a second place."""
    subprocess.run(["mount", "--bind", source, str(place)], check=True)


def devices(root: Path) -> None:
    mount("tmpfs", root / "dev", "mode=755")
    for name in DEVICES:
        (root / "dev" / name).touch()
        bind(f"/dev/{name}", root / "dev" / name)
    mount("devpts", root / "dev/pts", "newinstance,ptmxmode=0666,mode=620")
    mount("tmpfs", root / "dev/shm", "mode=1777")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        (root / "dev" / name).symlink_to(target)


def units(root: Path) -> None:
    own = root / "run/systemd/system"
    own.mkdir(parents=True)
    (own / "bed.target").write_text(UNIT)
    (root / "run/systemd/journald.conf.d").mkdir(parents=True)
    (root / "run/systemd/journald.conf.d/bed.conf").write_text(JOURNAL)
    stock = root / "usr/lib/systemd/system"
    wanted = [name for target in TARGETS if (stock / target).is_dir() for name in os.listdir(stock / target)]
    for name in {*wanted, *MASKED} - {"systemd-journald.service"}:
        (own / name).symlink_to("/dev/null")


def main(bed: str, lower: str, shared: list[str]) -> None:
    """Build the root in ``bed`` over ``lower`` with the ``shared`` folders bound into it; never returns."""
    mount("tmpfs", Path(bed), "mode=755")
    root = Path(bed, "root")
    for name in ("upper", "work"):
        Path(bed, name).mkdir()
    mount("overlay", root, f"lowerdir={lower},upperdir={bed}/upper,workdir={bed}/work")
    mount("proc", root / "proc")
    mount("sysfs", root / "sys", "ro")
    mount("cgroup2", root / "sys/fs/cgroup")
    mount("tmpfs", root / "run", "mode=755,nosuid,nodev")
    devices(root)
    for folder in shared:
        target = root / folder.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        bind(folder, target)
    units(root)
    # sysctls belong to the machine, not to the namespace.
    bind(str(root / "proc/sys"), root / "proc/sys")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(root / "proc/sys")], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    os.chdir(root)
    (root / ".old").mkdir()
    subprocess.run(["pivot_root", ".", ".old"], check=True)
    subprocess.run(["umount", "-l", "/.old"], check=True)
    environ = {
        "container": "test-bed",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TERM": "linux",
    }
    options = ["--system", "--unit=bed.target", "--show-status=no", "--log-target=journal", "--log-level=notice"]
    os.execve("/lib/systemd/systemd", ["systemd", *options], environ)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
