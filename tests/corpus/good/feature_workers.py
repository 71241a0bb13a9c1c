# truth: Three processes ignore the signal by design; the parent sets their event, and they end within a tick and are joined.
# expect: none
# total: 0.3
# stop: TERM
# shape: multiprocessing with an Event and join(), signals ignored in the children on purpose
import multiprocessing
import signal
import sys
import threading

context = multiprocessing.get_context("fork")


class FeatureWorker(context.Process):
    def __init__(self, number: int, stopping) -> None:
        super().__init__(name=f"features-{number}")
        self.stopping = stopping

    def run(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.alarm(20)
        while not self.stopping.wait(0.05):
            pass


class Manager:
    def __init__(self, count: int) -> None:
        self.asked = threading.Event()
        self.stopping = context.Event()
        self.workers = [FeatureWorker(number, self.stopping) for number in range(count)]

    def run(self) -> None:
        for worker in self.workers:
            worker.start()
        print("ready", flush=True)
        self.asked.wait()
        self.stopping.set()
        for worker in self.workers:
            worker.join(5)


if __name__ == "__main__":
    signal.alarm(20)
    manager = Manager(3)
    signal.signal(signal.SIGTERM, lambda *_: manager.asked.set())
    manager.run()
    sys.exit(0)
