"""The pytest plugin: a fixture ``drill``; a failing test shows the drills that it made.

pytest loads this file in every suite of an environment that has us (entry point ``pytest11``): nothing else of ours
is imported before a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from supervisor.testing.result import Result

_made: pytest.StashKey[list[Any]] = pytest.StashKey()


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Callable[..., Result]:
    """Stop a program several times: ``drill(command, runs=5)``, as ``supervisor.testing.drill``."""
    from supervisor.testing.api import drill as measure

    made: list[Any] = request.node.stash.setdefault(_made, [])

    def measured(*given: Any, **options: Any) -> Result:
        result = measure(*given, **options)
        made.append(result)
        return result

    return measured


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the text of each drill under a test that fails: figures, chain and waterfall."""
    report = yield
    if report.failed:
        made = item.stash.get(_made, [])
        for number, result in enumerate(made, 1):
            name = "supervisor drill" if len(made) == 1 else f"supervisor drill {number} of {len(made)}"
            report.sections.append((name, str(result)))
    return report
