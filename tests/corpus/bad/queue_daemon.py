# truth: The runner's handler gives up by os._exit(), so neither the open batch nor the atexit handler is written.
# expect: exit-without-cleanup
# where: _bail?
# total: 0.05
# exit: 3
# stop: TERM
# silent: saved, offsets
# shape: os._exit in a method that the handler reaches by a registry of callbacks; threads and atexit work are lost
import atexit
import os
import queue
import signal
import sys
import threading
import time


class Hooks:
    def __init__(self) -> None:
        self.by_signal: dict = {}

    def on(self, number: int, callback) -> None:
        self.by_signal.setdefault(number, []).append(callback)
        signal.signal(number, self._dispatch)

    def _dispatch(self, number: int, _frame) -> None:
        for callback in self.by_signal[number]:
            callback(number)


class Daemon:
    def __init__(self) -> None:
        self.jobs: "queue.Queue[int]" = queue.Queue()
        self.saver = threading.Thread(target=self._save)

    def _save(self) -> None:
        while True:
            self.jobs.get()
            time.sleep(0.4)
            print("saved", flush=True)
            self.jobs.task_done()

    def _bail(self, number: int) -> None:
        sys.stdout.flush()
        os._exit(3)  # <- here

    def run(self) -> None:
        self.saver.start()
        for number in range(3):
            self.jobs.put(number)
        print("ready", flush=True)
        self.jobs.join()
        threading.Event().wait()


if __name__ == "__main__":
    signal.alarm(20)
    atexit.register(print, "offsets written", flush=True)
    daemon = Daemon()
    hooks = Hooks()
    hooks.on(signal.SIGTERM, daemon._bail)
    daemon.run()
