"""The diagnosis on the corpus (tests/corpus): a fast part on the running interpreter, the whole marked `outside`.

The fast part is judged on code and place; seconds are judged one program at a time, in the whole.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EVALUATE = Path(__file__).resolve().parents[1] / "corpus" / "evaluate.py"
VENVS = "SIGDRAIN_CORPUS_VENVS"
# Of some families one, none that needs a package; the longest takes 2 s. The rest is for .ci/full.
FAST = (
    "bad/order_consumer", "bad/presence", "bad/order_commit",
    "bad/quick_exit", "bad/audit_client", "bad/label_printer", "bad/queue_daemon", "bad/scoring",
    "good/echo_closed", "good/cancel_and_await", "good/mp_worker",
    "good/shielded_commit",
)  # fmt: skip


def verdicts(folder: Path, *arguments: str, venvs: str | None, limit: float) -> dict[str, dict[str, Any]]:
    """What evaluate.py found, by ``id version``."""
    environ = {key: value for key, value in os.environ.items() if key != VENVS} | ({VENVS: venvs} if venvs else {})
    found = folder / "verdicts.json"
    done = subprocess.run(
        [sys.executable, str(EVALUATE), "--json", str(found), *arguments],
        env=environ, capture_output=True, text=True, timeout=limit, check=False,
    )  # fmt: skip
    assert found.exists(), done.stdout + done.stderr
    print(done.stdout)
    return {f"{one['program']} {one['python']}": one for one in json.loads(found.read_text())}


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    only = [word for program in FAST for word in ("--only", program)]
    folder = tmp_path_factory.mktemp("corpus")
    return verdicts(folder, "--jobs", "2", "--retries", "0", *only, venvs=None, limit=110.0)


@pytest.mark.parametrize("program", FAST)
def test_what_was_wrong_is_named_first_and_at_its_line(program: str, fast: dict[str, dict[str, Any]]) -> None:
    one = fast[f"{program} {sys.version_info[0]}.{sys.version_info[1]}"]
    if program.startswith("good/"):
        assert one["wrong"] == []
    else:
        assert one["code"] is True and one["place"] is not False, one["wrong"]


@pytest.mark.outside
@pytest.mark.timeout(9000)
def test_the_whole_corpus_on_every_interpreter(tmp_path: Path) -> None:
    venvs = os.environ.get(VENVS)
    if not venvs:
        pytest.skip(f"no interpreters with packages: {VENVS} is not set (tests/corpus/README.md)")
    found = verdicts(tmp_path, venvs=venvs, limit=8900.0)
    assert len({one["program"] for one in found.values()}) >= 150, "most of the corpus was skipped"
    assert [f"{name}: {text}" for name, one in found.items() for text in one["wrong"]] == []
