"""The house rules that a machine can check: who imports whom, the size of files, no developer's paths.

The house: docs/architecture.md, "Layers".
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "tests/importlinter.ini"
AGENT = ROOT / "supervisor/agent"

MOST_LINES = {"supervisor": 420, "benchmarks": 420, "tests": 500}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Import-linter on the package found in ``root``."""
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from importlinter import cli; cli.lint_imports_command()"
    command = [sys.executable, "-c", code, str(root), str(CONTRACTS), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def tracked() -> list[Path]:
    """The project's own files: what git knows, or in a source archive everything but what tools left behind."""
    try:
        found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
        names = found.stdout.split("\0") if found.returncode == 0 else []
    except FileNotFoundError:  # a machine without git
        names = []
    paths = [ROOT / name for name in names if name] or list(ROOT.rglob("*"))
    made = (
        "__pycache__",
        ".git",
        ".venv",
        ".venv-ci",
        "build",
        ".ruff_cache",
        ".mypy_cache",
        ".pytest_cache",
        ".hypothesis",
    )
    return [path for path in paths if path.is_file() and not path.is_symlink() and not set(made) & set(path.parts)]


def test_layers() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("core/worker/life.py", "import time", "Pure decisions"),
        ("core/record.py", "import supervisor.system.process.wait", "Only downwards"),
        ("views/words.py", "import supervisor.system.proc.processes", "side by side do not know each other"),
        ("system/process/wait.py", "import supervisor.core.fleet.step", "decides nothing"),
        ("loop/loop.py", "import asyncio", "The only loop"),
    ],
)
def test_the_contracts_bite(file: str, line: str, broken: str, tmp_path: Path) -> None:
    copy = tmp_path / "supervisor"
    shutil.copytree(ROOT / "supervisor", copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / file).open("a") as text:
        text.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    verdicts = [one for one in result.stdout.splitlines() if one.endswith("BROKEN")]
    assert any(broken in one for one in verdicts), result.stdout


def test_the_agent_imports_the_standard_library_only() -> None:
    """It runs inside somebody else's process: nothing installed, and nothing of ours but the agent's own files."""
    foreign: list[str] = []
    for path in sorted(AGENT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "."] if node.level == 0 else ["." * node.level]
            foreign += [f"{path.relative_to(ROOT)}:{node.lineno}: {name}" for name in names if not _allowed(name)]  # type: ignore[attr-defined]  # an import has a line
    assert foreign == []


def _allowed(name: str) -> bool:
    top = name.partition(".")[0]
    # `sitecustomize` is the user's own, which ours has displaced and therefore loads.
    return top in sys.stdlib_module_names or top.startswith("_sigdrain_agent") or top == "sitecustomize"


def test_no_file_is_too_long() -> None:
    """About 400 lines; tables of test cases may take a little more."""
    too_long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for path in tracked()
        if path.suffix == ".py" and (most := MOST_LINES.get(path.relative_to(ROOT).parts[0]))
        if (lines := len(path.read_text().splitlines())) > most
    ]
    assert too_long == []


NO_VERBS = frozenset(
    """a all an another any at after all before both each every everything from has how if in is it its nobody no not
    nothing of one only our several some somebody something that the there these they this those to until what when
    where whether which who whom whose why with within without does did was were seconds""".split()
)


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    """CONTRIBUTING, "English": "Return the hold that kept the process alive", not "What still held it"."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}: {text.splitlines()[0]}"
        for path in sorted((ROOT / "supervisor").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node))
        if not text[0].isalpha() or re.split(r"\W", text, maxsplit=1)[0].lower() in NO_VERBS
    ]
    assert found == []


def test_no_path_of_a_developers_machine() -> None:
    homes = r"/(?:home|Users)/[\w.-]+/(?:\.\w|src/|dev/|work/|projects?/|code/|Desktop/|Documents/)"
    places = [homes, "/ro" + r"ot/[\w.]", "/wo" + r"rk/[\w.]", "/tmp/" + "venv"]
    if len(ROOT.parts) > 2:  # a short one, like a container's, may well be an example in a text
        places.append(re.escape(str(ROOT)) + "/")
    pattern = re.compile("|".join(places).encode())
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in tracked()
        if (match := pattern.search(path.read_bytes()))
    ]
    assert found == []
