"""CPython's own tests give the same results with the agent as without (an hour and more; run by .ci/full).

SIGDRAIN_NEUTRALITY_REPEAT: how often each way, 3 unless told.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.agent.harness import candidates
from tests.agent.neutrality import MODULES, TOOK, Comparison, of_cpython

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.outside, pytest.mark.timeout(0)]
REPEAT = int(os.environ.get("SIGDRAIN_NEUTRALITY_REPEAT", "3"))


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("version", ["3.8", "3.11", "3.12", "3.13"])
def test_cpythons_own_tests(version: str, module: str, tmp_path: Path) -> None:
    """As it is, and armed from each process's first moment to its last."""
    found = candidates(version)
    if not found:
        pytest.skip(f"no python{version} on PATH or among pyenv's")
    subjects = [of_cpython(python, module, str(tmp_path)) for python in found]
    subject = next((one for one in subjects if one is not None), None)
    if subject is None:
        pytest.skip(f"no {module} in the test package of {', '.join(found)} (3.11.7 and 3.12.1 do not install all)")
    comparison = Comparison(subject, version)
    comparison.measure(["plain", "agent", "probed"], REPEAT)
    assert comparison.results["plain"], f"{module} gave no results within {TOOK} s"
    rows = [comparison.row(mode) for mode in ("agent", "probed")]
    print(*(text for text, _ in rows), sep="\n")
    assert all(well for _, well in rows), [text for text, well in rows if not well]
