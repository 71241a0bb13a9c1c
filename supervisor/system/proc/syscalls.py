"""The system call in which a process's main thread sleeps (proc(5), /proc/pid/syscall)."""

from __future__ import annotations

import os

from supervisor.system.proc import reading

# Those in which a program waits when it will not end (asm/unistd_64.h); others are given by number.
_X86_64 = {
    0: "read", 1: "write", 7: "poll", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev", 23: "select",
    34: "pause", 35: "nanosleep", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg",
    47: "recvmsg", 61: "wait4", 65: "semop", 72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync",
    128: "rt_sigtimedwait", 130: "rt_sigsuspend", 202: "futex", 220: "semtimedop", 230: "clock_nanosleep",
    232: "epoll_wait", 247: "waitid", 257: "openat", 270: "pselect6", 271: "ppoll", 281: "epoll_pwait",
    288: "accept4", 426: "io_uring_enter", 441: "epoll_pwait2", 449: "futex_waitv",
}  # fmt: skip
_GENERIC = {  # asm-generic/unistd.h: AArch64, RISC-V
    22: "epoll_pwait", 25: "fcntl", 32: "flock", 63: "read", 64: "write", 65: "readv", 66: "writev", 72: "pselect6",
    73: "ppoll", 82: "fsync", 83: "fdatasync", 95: "waitid", 98: "futex", 101: "nanosleep", 115: "clock_nanosleep",
    133: "rt_sigsuspend", 137: "rt_sigtimedwait", 202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom",
    211: "sendmsg", 212: "recvmsg", 242: "accept4", 260: "wait4", 426: "io_uring_enter", 441: "epoll_pwait2",
}  # fmt: skip
_NAMES = {"x86_64": _X86_64, "aarch64": _GENERIC, "riscv64": _GENERIC}.get(os.uname().machine, {})


def current(pid: int) -> str | None:
    """Return ``"epoll_wait"``, else as strace has it ``"syscall_123"``; None when it runs or is not ours to
    look at.
    """
    data = reading.read(f"/proc/{pid}/syscall", 256)
    if not data:
        return None
    first = data.split()[0]
    if not first.isdigit():
        return None
    number = int(first)
    return _NAMES.get(number, f"syscall_{number}")
