"""Writes the files that are generated from the table of config keys. Run it after a change of the table:

python -m tests.config.generate
"""

from __future__ import annotations

import json
from pathlib import Path

from supervisor.config import describe

ROOT = Path(__file__).parents[2]


def generated() -> dict[str, str]:
    """Path from the root of the project -> what must be in it."""
    return {
        "supervisor/config/schema.json": json.dumps(describe.schema(), indent=2) + "\n",
        "configs/reference.toml": describe.reference_toml(),
        "docs/config.md": describe.reference(),
    }


if __name__ == "__main__":
    for name, text in generated().items():
        (ROOT / name).write_text(text)
