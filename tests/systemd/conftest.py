"""One systemd for all tests of this folder that one process runs; their services stand side by side in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import systemd

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def bed() -> Iterator[systemd.Bed]:
    """A booted systemd; the test is skipped where none can be."""
    missing = systemd.missing()
    if missing is not None:
        pytest.skip(missing)
    with systemd.Bed() as booted:
        yield booted
