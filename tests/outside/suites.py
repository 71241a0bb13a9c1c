"""Where the suites of other projects are, and how to get them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "SIGDRAIN_SUITES"
SOURCES = {
    # The commits that the tests here were written against.
    "dumb-init": ("https://github.com/Yelp/dumb-init", "5ccca9cb0498d8a4cb7579a43c8d3ee8c41469c5"),
    "tini": ("https://github.com/krallin/tini", "369448a167e8b3da4ca5bca0b3307500c3371828"),
}


def find(name: str) -> Path:
    """The folder of the suite; skips the test, saying how to get it, where it is absent."""
    folder = Path(os.environ.get(VARIABLE, "/nonexistent")) / name
    if not folder.is_dir():
        url, commit = SOURCES[name]
        pytest.skip(
            f"{VARIABLE} names no folder with {name}: git clone {url} DIR/{name}"
            f" && git -C DIR/{name} checkout {commit} && export {VARIABLE}=DIR"
        )
    return folder
