"""Differences between a test's result with the agent and without that must be, each with its reason."""

from __future__ import annotations

from fnmatch import fnmatchcase

# (test id as a pattern, versions or "" for all, only while probed, reason)
EXPLAINED: list[tuple[str, str, bool, str]] = [
    (
        "test.test_subprocess.*.test_pass_fds*",
        "",
        False,
        "counts the child's descriptors: a Python child has the agent's socket and dump file",
    ),
    (
        "test.test_signal.ItimerTest.test_itimer_real",
        "",
        True,
        "pause() returns for any handled signal, so for SIGURG; the supervisor probes only before a stop signal",
    ),
]


# How a whole module ended where every test gave the same result, as neutrality.verdict() words it: (ending, reason).
_THREADS = "the one thread of an armed agent counts in _thread._count(), which regrtest compares between tests"
_WAKEUP = (
    "test_asyncio closes descriptors that signal.set_wakeup_fd() still names: Python complains at any handled signal "
    "then, so at SIGURG"
)
ENDINGS: dict[str, str] = {
    "exit 3, altered: threads": _THREADS,
    "exit 3, altered: Unraisable": _WAKEUP,
    "exit 3, altered: Unraisable, threads": f"{_THREADS}; {_WAKEUP}",
}


def ending_explanation(ending: str) -> str | None:
    """The reason why a module may end so with the agent; None: it may not."""
    return ENDINGS.get(ending)


def explanation(name: str, version: str, probed: bool) -> str | None:
    """The reason why this test may differ; None: it may not."""
    for pattern, versions, only_probed, reason in EXPLAINED:
        if (
            fnmatchcase(name, pattern)
            and (not versions or version in versions.split())
            and (probed or not only_probed)
        ):
            return reason
    return None
