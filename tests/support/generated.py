"""The files, or parts of files, that are generated from tables of the package: ``python -m tests.support.generated``.

scripts/docs runs it; tests/test_generated.py says when a file is not current.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from supervisor.config import describe
from supervisor.core.contract import requests
from tests.core import states_page

ROOT = Path(__file__).parents[2]


def generated() -> dict[str, str]:
    """Return what must be in each generated file, by its path from the root of the project."""
    return {
        "supervisor/config/schema.json": json.dumps(describe.schema(), indent=2) + "\n",
        "configs/reference.toml": describe.reference_toml(),
        "docs/config.md": describe.reference(),
        "docs/control.md": _with_table("docs/control.md", "requests", requests.table()),
        "docs/states.md": states_page.text(),
    }


def _with_table(path: str, name: str, text: str) -> str:
    """Return the file with the part between the two comments that carry this name replaced."""
    part = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end of {name} -->\n)", re.DOTALL)
    whole, count = part.subn(lambda found: found[1] + text + found[2], (ROOT / path).read_text())
    if count != 1:
        raise ValueError(f"{path} has no place for the generated {name}")
    return whole


if __name__ == "__main__":
    for name, text in generated().items():
        (ROOT / name).write_text(text)
