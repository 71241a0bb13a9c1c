"""The `except` around a line, found in the source by its grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from supervisor.diagnosis.evidence import enclosing
from supervisor.diagnosis.evidence.frames import Frame
from supervisor.system import sources

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.diagnosis.evidence.frames import Sources

SOURCE = '''
async def poll(self):
    while True:
        try:
            await self.once()

            # a comment at any depth
            await asyncio.sleep(1)
        except ValueError:
            pass
        except BaseException as error:
            await asyncio.sleep(2)
        finally:
            self.close()

async def clean():
    try:
        await work()
    except asyncio.CancelledError:
        await flush()
        raise

async def other():
    try:
        await work()
    except Exception:
        await flush()
'''.splitlines()  # fmt: skip


def line_of(text: str, nth: int = 0) -> int:
    return [number for number, line in enumerate(SOURCE, 1) if line.strip() == text][nth]


def source_line(_file: str, line: int) -> str | None:
    return SOURCE[line - 1] if 0 < line <= len(SOURCE) else None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (line_of("await self.once()"), line_of("except BaseException as error:")),
        (line_of("await asyncio.sleep(1)"), line_of("except BaseException as error:")),
        (line_of("await asyncio.sleep(2)"), None),
        (line_of("await work()"), line_of("except asyncio.CancelledError:")),
        (line_of("await work()", 1), None),
        (999, None),
    ],
)
def test_the_handler_around_a_line(line: int, expected: int | None) -> None:
    found = enclosing.catching((Frame("w.py", line, "poll"),), source_line)
    assert (found.line if found else None) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (line_of("await asyncio.sleep(2)"), True),
        (line_of("await flush()"), False),
        (line_of("await self.once()"), False),
    ],
)
def test_a_handler_inside_a_loop_is_a_retry(line: int, expected: bool) -> None:
    assert enclosing.retried((Frame("w.py", line, "poll"),), source_line) is expected


SHAPES = '''
async def long_call():
    try:
        await work(
            "text that looks out of place",
"""
def nothing():
""",
            last,
        )
    except (
        ValueError,
        asyncio.CancelledError,
    ):
        pass

async def group():
    try:
        await grouped()
    except* ValueError:
        pass
    except* BaseException:
        pass

async def outer():
    try:
        async def inner():
            await inside()
        await inner()
    except:
        pass

async def chosen(command):
    match command:
        case "go":
            for turn in range(3):
                try:
                    await first()
                except BaseException:
                    await again()
                else:
                    await after()

async def nested():
    try:
        try:
            await deep()
        except OSError:
            pass
    except BaseException:
        pass
'''.splitlines()


@pytest.mark.parametrize(
    ("line", "caught", "retry"),
    [
        ("last,", "except (", False),
        ("await grouped()", "except* BaseException:", False),
        ("await inside()", None, False),
        ("await inner()", "except:", False),
        ("await first()", "except BaseException:", False),
        ("await again()", None, True),
        ("await after()", None, False),
        ("await deep()", "except BaseException:", False),
    ],
)
def test_handlers_are_found_by_the_grammar(line: str, caught: str | None, retry: bool) -> None:
    number = next(n for n, text in enumerate(SHAPES, 1) if text.strip() == line)
    stack = (Frame("w.py", number, "f"),)
    lines: Sources = lambda _, n: SHAPES[n - 1] if 0 < n <= len(SHAPES) else None  # noqa: E731 - one use
    found = enclosing.catching(stack, lines)
    assert (SHAPES[found.line - 1].strip() if found else None) == caught
    assert enclosing.retried(stack, lines) is retry


@pytest.mark.filterwarnings("error")
def test_a_warning_about_somebodys_file_is_not_ours() -> None:
    lines = ["try:", "    await work('\\d')", "except BaseException:", "    pass"]
    of: Sources = lambda _, n: lines[n - 1] if 0 < n <= len(lines) else None  # noqa: E731 - one use
    assert enclosing.catching((Frame("w.py", 2, "f"),), of) == Frame("w.py", 3, "f")


@pytest.mark.parametrize("text", ["try:\n    await x\nexcept BaseExc", "a\0b", "(" * 5000, ""])
def test_a_file_that_cannot_be_parsed_tells_nothing(text: str) -> None:
    lines = text.splitlines()
    of: Sources = lambda _, n: lines[n - 1] if 0 < n <= len(lines) else None  # noqa: E731 - one use
    assert enclosing.catching((Frame("w.py", 2, "f"),), of) is None
    assert not enclosing.retried((Frame("w.py", 2, "f"),), of)


def test_the_handler_is_found_with_the_supervisors_own_reader(tmp_path: Path) -> None:
    path = tmp_path / "w.py"
    path.write_text("\n".join(SOURCE))
    found = enclosing.catching((Frame(str(path), line_of("await work()"), "clean"),), sources.reader())
    assert found is not None and found.line == line_of("except asyncio.CancelledError:")
