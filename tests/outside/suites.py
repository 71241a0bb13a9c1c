"""Where the suites of other projects are, and how to get them: ``python -m tests.outside.suites DIR`` clones them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VARIABLE = "SIGDRAIN_SUITES"
SOURCES = {
    # The commits that the tests here were written against.
    "dumb-init": ("https://github.com/Yelp/dumb-init", "5ccca9cb0498d8a4cb7579a43c8d3ee8c41469c5"),
    "tini": ("https://github.com/krallin/tini", "369448a167e8b3da4ca5bca0b3307500c3371828"),
}


def find(name: str) -> Path:
    """Return the folder of the suite; skip the test, saying how to get it, where it is absent."""
    folder = Path(os.environ.get(VARIABLE, "/nonexistent")) / name
    if not folder.is_dir():
        import pytest  # here: cloning needs nothing installed

        pytest.skip(
            f"{VARIABLE} names no folder with {name}: python -m tests.outside.suites DIR && export {VARIABLE}=DIR"
        )
    return folder


def clone(folder: Path) -> None:
    """Clone every suite into ``folder``, at the commit that is named above."""
    for name, (url, commit) in SOURCES.items():
        subprocess.run(["git", "clone", "--quiet", url, folder / name], check=True)
        subprocess.run(["git", "-C", folder / name, "checkout", "--quiet", commit], check=True)


if __name__ == "__main__":
    clone(Path(sys.argv[1]))
