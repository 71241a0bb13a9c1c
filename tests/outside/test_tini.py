"""tini's inner test suite, with `$BUILD_DIR/tini` being an adapter to `supervisor run`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.outside import adapters, suites

# The suite wants two packages for one call each; the first needs libcap's headers to be built.
STAND_INS = {
    "prctl": """
import ctypes
def set_child_subreaper(value): ctypes.CDLL(None).prctl(36, value, 0, 0, 0)
""",
    "bitmap": """
class BitMap(str):
    fromstring = classmethod(lambda cls, bits: cls(bits))
    def nonzero(self): return [index for index, bit in enumerate(reversed(self)) if bit == "1"]
""",
}


@pytest.mark.outside
@pytest.mark.timeout(600)
def test_tinis_inner_suite_passes(tmp_path: Path) -> None:
    suite = suites.find("tini")
    compiler = shutil.which("cc") or pytest.skip("the suite needs a C compiler for sigconf-test")
    adapters.install("tini", tmp_path)
    for name, text in STAND_INS.items():
        (tmp_path / f"{name}.py").write_text(text)
    for name in ("python", "python3"):  # its scripts begin with #!/usr/bin/env python
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (tmp_path / name).chmod(0o755)
    subprocess.run(
        [compiler, "-w", "-o", tmp_path / "sigconf-test", suite / "test/sigconf/sigconf-test.c"], check=True
    )
    done = subprocess.run(
        [sys.executable, suite / "test/run_inner_tests.py"],
        env=os.environ
        | {
            "SOURCE_DIR": str(suite),
            "BUILD_DIR": str(tmp_path),
            "FORCE_SUBREAPER": "1",
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All done, tests as expected" in done.stdout
