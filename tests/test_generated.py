"""What is generated from tables is current."""

from __future__ import annotations

import pytest

from tests.support.generated import ROOT, generated

GENERATED = generated()


@pytest.mark.parametrize("name", GENERATED)
def test_generated_files_are_current(name: str) -> None:
    assert (ROOT / name).read_text() == GENERATED[name], "run: scripts/docs"
