# truth: The pool's processes ignore SIGTERM, so the parent's shutdown waits 1.2 s for the score that one of them computes.
# expect: waits-for-child
# where: close
# seconds: 1.2
# total: 1.25
# stop: TERM
# shape: ProcessPoolExecutor.shutdown() in a synchronous service, its children ignore the signal by an initializer
import concurrent.futures
import signal
import sys
import threading
import time


def _init() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def score(customer: int, started: float) -> float:
    time.sleep(max(0.0, started + 1.3 - time.monotonic()))  # <- or here
    return customer * 0.5


def warm() -> None:
    time.sleep(0.02)


class Scoring:
    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.pool = concurrent.futures.ProcessPoolExecutor(2, initializer=_init)
        self.pool.submit(warm).result()

    def run(self) -> None:
        self.pool.submit(score, 42, time.monotonic())
        time.sleep(0.05)
        print("ready", flush=True)
        self.stopping.wait()
        self.close()

    def close(self) -> None:
        self.pool.shutdown(wait=True)  # <- here


if __name__ == "__main__":
    signal.alarm(20)
    service = Scoring()
    signal.signal(signal.SIGTERM, lambda *_: service.stopping.set())
    service.run()
    sys.exit(0)
