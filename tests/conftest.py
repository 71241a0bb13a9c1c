"""Settings for all tests."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.clean import compiled_code_is_kept, nothing_left, signals_of_a_shell

if TYPE_CHECKING:
    from collections.abc import Iterator

# No test records its runs in the history of whoever runs the tests.
os.environ["SIGDRAIN_HISTORY"] = "off"
signals_of_a_shell()
compiled_code_is_kept()

# The same examples on every machine and no deadline per example: a busy machine must not fail the suite. To search
# further than the suite does: pytest --hypothesis-profile=search
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=2000, database=None)
settings.load_profile("suite")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of the test's own, gone behind it. pytest's is so deep, and deeper on several processes, that the path
    of a socket in it (107 bytes, unix(7)) may be too long: it holds the user's name and that of the test."""
    with TemporaryDirectory(prefix="sd-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    with nothing_left():
        yield
