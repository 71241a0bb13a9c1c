"""The corpus is consistent with itself: headers parse, markers exist once, files compile, every code is covered.

Not collected by default (``norecursedirs``): name the path, ``pytest tests/corpus/test_manifest.py``.
What the programs do when they run is checked by ``smoke.py``.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from tests.corpus.drive import interpreters
from tests.corpus.manifest import CODES, PROPOSED, VERSIONS, ManifestError, Program, load, problems, read

PROGRAMS = load()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.id)
def test_a_header_agrees_with_its_program_on_every_version(program: Program) -> None:
    assert problems(program) == []


def test_there_are_as_many_programs_as_asked_for() -> None:
    kinds = [program.kind for program in PROGRAMS]
    assert kinds.count("bad") >= 45 and kinds.count("good") >= 40


def test_every_code_comes_first_in_at_least_two_shapes() -> None:
    shapes: dict[str, set[str]] = defaultdict(set)
    for program in PROGRAMS:
        for version in VERSIONS:
            if program.runs_on(version):
                shapes[program.on(version).expect].add(program.shape)
    poor = {code: sorted(shapes[code]) for code in CODES | PROPOSED if len(shapes[code]) < 2}
    assert poor == {}


def test_every_version_has_every_code_that_it_can_have() -> None:
    # Server.wait_closed() waits for clients only since 3.12.1 (python/cpython#79033).
    for version in VERSIONS:
        seen = {program.on(version).expect for program in PROGRAMS if program.runs_on(version)}
        late = {"server-wait-closed"} if version < (3, 12) else set()
        assert seen >= (CODES | PROPOSED) - late


def test_the_best_effort_version_has_the_truth_of_the_last_one_but_for_what_is_said_of_it(tmp_path: Path) -> None:
    path = tmp_path / "w.py"
    path.write_text(HEADER.replace("# stop:", "# at 3.12-3.13: seconds=0.7\n# at 3.14: total=0.9\n# stop:"))
    program = read(path, "bad")
    assert program.runs_on((3, 14)) and (program.on((3, 14)).seconds, program.on((3, 14)).total) == (0.7, 0.9)
    assert program.on((3, 13)).total == 0.6
    for line in ("# python: 3.8-3.12", "# until: 3.13"):
        path.write_text(HEADER.replace("# stop:", f"{line}\n# stop:"))
        assert not read(path, "bad").runs_on((3, 14))


def test_no_two_programs_have_the_same_shape() -> None:
    seen: dict[str, list[str]] = defaultdict(list)
    for program in PROGRAMS:
        seen[program.shape].append(program.id)
    assert [ids for ids in seen.values() if len(ids) > 1] == []


def test_programs_compile_on_the_versions_they_name() -> None:
    script = "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"
    for version, python in interpreters().items():
        paths = [str(program.path) for program in PROGRAMS if program.runs_on(version)]
        command = [str(python), "-W", "ignore", "-c", script, *paths]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (version, done.stderr)


HEADER = """# expect: slow-task
# where: flush
# seconds: 0.5
# total: 0.6
# stop: TERM
# shape: example
# truth: An example.
import signal
signal.alarm(20)
async def flush():
    await thing()  # <- here
"""


def program_of(tmp_path: Path, text: str) -> Program:
    path = tmp_path / "example.py"
    path.write_text(text)
    return read(path, "bad")


def test_the_example_has_no_problem(tmp_path: Path) -> None:
    program = program_of(tmp_path, HEADER)
    assert problems(program) == []
    assert [(place.line, place.function) for place in program.lines] == [(11, "flush")]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  # <- here", "", "0 markers"),
        ("signal.alarm(20)", "signal.alarm(20)  # <- here", "2 markers"),
        ("where: flush", "where: push", "the marker is in flush"),
        ("slow-task", "slow-tusk", "unknown codes"),
        ("seconds: 0.5", "seconds: 1.5", "costs more"),
        ("total: 0.6", "exit: KILL\n# total: 0.6", "must be killed"),
        ("total: 0.6", "total: 9.9", "too short"),
        ("signal.alarm(20)", "pass", "not bounded"),
        ("stop: TERM", "stop: TERM\n# at 3.9: where=push", "3.9: the marker is in flush"),
        ("stop: TERM", "stop: TERM\n# at 3.9: total=null", "3.9: has no total"),
    ],
)
def test_contradictions_are_found(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in HEADER
    found = problems(program_of(tmp_path, HEADER.replace(old, new)))
    assert any(said in text for text in found), found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# truth: An example.\n", ""),
        ("# stop: TERM", "# stop: TERM\n# stop: INT"),
        ("# stop: TERM", "# stop: TERM\n# speed: 1"),
        ("# stop: TERM", "# stop: TERM\n# python: three"),
        ("# stop: TERM", "# and a remark"),
    ],
)
def test_headers_that_cannot_be_understood_are_refused(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(ManifestError):
        program_of(tmp_path, HEADER.replace(old, new))


def test_a_version_replaces_only_what_it_names(tmp_path: Path) -> None:
    text = HEADER.replace("# stop: TERM", "# stop: TERM\n# at 3.8-3.9: expect=executor-busy; total=1.0")
    program = program_of(tmp_path, text)
    assert (program.on((3, 9)).expect, program.on((3, 9)).total, program.on((3, 9)).where) == (
        "executor-busy",
        1.0,
        "flush",
    )
    assert (program.on((3, 10)).expect, program.on((3, 10)).total) == ("slow-task", 0.6)
