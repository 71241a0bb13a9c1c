"""Whether this machine lets us make namespaces: not without root, and not in every container or chroot."""

from __future__ import annotations

import functools
import shutil
import subprocess


@functools.cache
def lacks(*flags: str) -> str:
    """Why ``unshare FLAGS true`` does not work here; empty when it does."""
    if shutil.which("unshare") is None:
        return "needs unshare (util-linux)"
    tried = subprocess.run(["unshare", *flags, "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"unshare {' '.join(flags)}: {tried.stderr.strip()}"
