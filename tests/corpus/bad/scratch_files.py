# truth: A weakref.finalize callback, which runs as an atexit handler, removes the scratch folder slowly: 0.9 s.
# expect: slow-atexit
# where: _purge
# seconds: 0.9
# total: 0.9
# exit: 143
# stop: TERM
# shape: weakref.finalize instead of atexit.register, after sys.exit() in a signal handler of a synchronous loop
import signal
import sys
import time
import weakref


class Scratch:
    """A temporary folder on network storage; gone when the object is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files = [f"{name}/{number}.part" for number in range(18)]
        self._finalizer = weakref.finalize(self, self._purge, self.files)

    @staticmethod
    def _purge(files: list) -> None:
        while files:
            files.pop()
            time.sleep(0.05)  # <- here


class Merger:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch

    def run(self) -> None:
        print("ready", flush=True)
        while True:
            time.sleep(0.1)


def _terminate(number: int, _frame) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.alarm(20)
    signal.signal(signal.SIGTERM, _terminate)
    merger = Merger(Scratch("merge-7"))
    merger.run()
