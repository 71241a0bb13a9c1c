"""Records runs in a history for ever, two at a time, and prints their numbers once they are acknowledged."""

from __future__ import annotations

import sys

from supervisor.runs.history import record
from supervisor.runs.plan import Keeping
from tests.support.shutdowns import shutdown

if __name__ == "__main__":
    path, name = sys.argv[1:]
    while True:
        done = record(Keeping(path=path), [shutdown(worker=name), shutdown(worker=name, instance=1)], "drill")
        print(*done.numbers, done.note, flush=True)
