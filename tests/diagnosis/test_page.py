"""docs/findings.md: equal to the table of codes, and each example is explained as the page promises."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest

from supervisor.diagnosis.explain import explained
from supervisor.diagnosis.findings.codes import CODES
from tests.diagnosis.pages import sections
from tests.diagnosis.record import record, sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from supervisor.core.record import Shutdown

SECTIONS = {section.code: section for section in sections()}
HERE = sys.version_info[:2]
RUNNABLE = [code for code, section in SECTIONS.items() if section.python <= HERE and not section.needs]


def run(program: str, options: tuple[str, ...], grace: float) -> Shutdown:
    """One example under the real agent, explained. In a process of its own: four of them mostly sleep."""
    taken = record([sys.executable, *options, program], signals=[(15, grace)])
    return explained(taken.shutdown, taken.messages, sources)


@pytest.fixture(scope="module")
def explanations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Shutdown]]]:
    folder: Path = tmp_path_factory.mktemp("examples")
    with ProcessPoolExecutor(4) as pool:
        futures = {}
        for code in RUNNABLE:
            program = folder / SECTIONS[code].file
            program.write_text(SECTIONS[code].program)
            futures[code] = pool.submit(run, str(program), SECTIONS[code].options, SECTIONS[code].grace)
        yield futures


def test_one_section_a_code_in_the_same_order() -> None:
    assert list(SECTIONS) == [code for code in CODES if code in SECTIONS]
    assert set(SECTIONS) == set(CODES)


@pytest.mark.parametrize("code", SECTIONS)
def test_the_section_says_what_the_table_says(code: str) -> None:
    section, row = SECTIONS[code], CODES[code]
    assert section.severity == row.severity
    assert row.meaning in section.text
    for heading in ("**Seen:**", "**Why it is bad:**", "**Fix:**"):
        assert heading in section.text


@pytest.mark.parametrize("code", RUNNABLE)
def test_the_example_is_explained_as_promised(code: str, explanations: dict[str, Future[Shutdown]]) -> None:
    shutdown = explanations[code].result(60)
    assert shutdown.findings, shutdown
    first = shutdown.findings[0]
    assert first.code == code, shutdown.findings
    if SECTIONS[code].line is not None:
        assert first.where is not None
        assert first.where.line == SECTIONS[code].line
        assert first.where.source is not None and first.where.source.endswith("# <- here")
