"""The pages for contributors name files and functions that are there, and what the code cites is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("", "docs", "benchmarks", "tests/corpus", "tests/wild", "tests/faults")
PAGES = sorted(str(page.relative_to(ROOT)) for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))


# Words of other programs, and a file of the reader's own.
_OF_OTHERS = {"ExecStart", "configs/supervisor.toml"}


def names(path: Path) -> set[str]:
    """Every function, class, method and table of a module, methods as `Class.method`."""
    found: set[str] = set()
    body = ast.parse(path.read_text()).body
    for node in (*body, *(inner for outer in body if isinstance(outer, ast.If) for inner in outer.body)):
        match node:
            case ast.FunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name):
                found |= {name, *(f"{name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef))}
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = re.findall(r"`((?:supervisor|tests|scripts|docs|benchmarks|configs|\.ci|\.github)/[\w./-]*)`", text)
    linked = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not link.startswith("http")]
    absent = [name for name in named if name not in _OF_OTHERS and not (ROOT / name).exists()]
    absent += [link for link in linked if not ((ROOT / page).parent / link).exists()]
    assert absent == []


@pytest.mark.parametrize("page", PAGES)
def test_every_name_in_a_file_is_there(page: str) -> None:
    found = re.findall(r"`([\w/]+\.py)` · `([\w.]+)`", (ROOT / page).read_text())
    assert [f"{file} {name}" for file, name in found if name not in names(ROOT / file)] == []
    assert found or page != "docs/architecture.md"


def test_modules_and_classes_that_a_walk_names_without_their_folder_are_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    modules = list((ROOT / "supervisor").rglob("*.py"))
    known = {path.name for path in modules} | {name for path in modules for name in names(path)} | _OF_OTHERS
    named = re.findall(r"`([a-z_]+\.py|[A-Z]\w*[a-z]\w*)`", text)
    assert [name for name in named if name not in known] == []
    assert len(named) > 10


def test_every_section_that_code_cites_is_there() -> None:
    cited = {
        (str(path.relative_to(ROOT)), page, section)
        for folder in ("supervisor", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        for page, section in re.findall(r'(docs/\w+\.md), "([^"]+)"', path.read_text())
    }
    absent = [
        f"{file}: {page}, {section}"
        for file, page, section in sorted(cited)
        if not re.search(rf"^#+ {re.escape(section)}$", (ROOT / page).read_text(), re.MULTILINE)
    ]
    assert len(cited) > 5 and absent == []
