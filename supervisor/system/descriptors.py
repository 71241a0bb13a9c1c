"""How many descriptors may be open; the last ones are kept free for what a stop needs.

A stop looks into /proc, holds processes by pidfds, writes a report, and imports what explains it: a few descriptors
at a time. Whoever takes one for longer, above all for somebody else (a connection, a start), asks here first: the
kernel gives the lowest free number, so it is enough that none of them takes one of the last.
"""

from __future__ import annotations

import os

# A stop needs five at a time at the most: a folder and a file of /proc, a pidfd, a report and its folder.
KEPT_FREE = 8


def most() -> int:
    """Return how many we may have open (RLIMIT_NOFILE, getrlimit(2)); 2 ** 20 stands for no limit."""
    found = os.sysconf("SC_OPEN_MAX")
    return found if found >= 0 else 1 << 20


def enough(wanted: int = 1) -> bool:
    """Return whether so many can be taken, and the last ones stay free."""
    try:
        lowest = os.dup(2)
    except OSError:
        return False
    os.close(lowest)
    return lowest + wanted <= most() - KEPT_FREE
