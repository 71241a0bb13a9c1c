# truth: After its tidy end the relay kills itself with the signal's default action, so the spool kept by atexit is lost.
# expect: exit-by-reraised-signal
# where: leave?
# total: 0.35
# exit: -15
# stop: TERM
# prints: relay drained
# silent: spool kept
# shape: a context manager of a synchronous service that re-raises what it caught, as servers do, with an atexit handler registered
import atexit
import contextlib
import os
import signal
import threading
import time


class Spool:
    def __init__(self) -> None:
        self.mails = ["a", "b", "c"]
        atexit.register(self.keep)

    def keep(self) -> None:
        print("spool kept:", len(self.mails), flush=True)


@contextlib.contextmanager
def captured(*numbers: int):
    caught: list = []
    stopping = threading.Event()

    def remember(number: int, _frame) -> None:
        caught.append(number)
        stopping.set()

    before = {number: signal.signal(number, remember) for number in numbers}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        leave(caught)


def leave(caught: list) -> None:
    for number in reversed(caught):
        os.kill(os.getpid(), number)  # <- here


def relay(spool: Spool, stopping: threading.Event) -> None:
    print("ready", flush=True)
    while not stopping.wait(0.05):
        pass
    time.sleep(0.3)
    print("relay drained", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    spool = Spool()
    with captured(signal.SIGTERM, signal.SIGINT) as stopping:
        relay(spool, stopping)
