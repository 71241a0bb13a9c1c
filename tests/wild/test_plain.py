"""The programs of plain/ under the real `supervisor run`: the explanation is right, the good ones are quiet."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.wild.case import Case, load
from tests.wild.play import Tools, play
from tests.wild.verdict import judge

HERE = Path(__file__).parent
TOOLS = Tools(Path(sys.executable), Path(sys.executable).with_name("supervisor"))


@pytest.mark.parametrize("case", load(HERE / "plain"), ids=lambda case: case.name)
def test_the_explanation_is_right(case: Case) -> None:
    played = play(case, TOOLS)
    verdict = judge(case, played)
    assert verdict.ok, f"{verdict.word}: {verdict.told}\n{played.output}"
