"""The programs of outside/, with real libraries, under the real `supervisor run`.

SIGDRAIN_WILD_PYTHON names the interpreter of an environment with requirements.txt; without it, or without Redis and
PostgreSQL, the tests are skipped and say what is missing. .ci/full makes both.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.wild import services
from tests.wild.case import Case, load
from tests.wild.play import Tools, play
from tests.wild.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
VARIABLE = "SIGDRAIN_WILD_PYTHON"
SUPERVISOR = Path(sys.executable).with_name("supervisor")

pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    if VARIABLE not in os.environ:
        pytest.skip(
            f"{VARIABLE} names no interpreter: python3.11 -m venv V && V/bin/pip install -r requirements.txt"
            f" in {HERE}, and export {VARIABLE}=V/bin/python"
        )
    try:
        with services.running():
            yield Tools(Path(os.environ[VARIABLE]), SUPERVISOR)
    except services.Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("case", load(HERE / "outside"), ids=lambda case: case.name)
def test_the_explanation_is_right(case: Case, tools: Tools) -> None:
    played = play(case, tools)
    verdict = judge(case, played)
    assert verdict.ok, f"{verdict.word}: {verdict.told}\n{played.output}"
