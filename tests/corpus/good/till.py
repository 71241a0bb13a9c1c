# truth: SIGTERM is ignored only while a sale is printed, some milliseconds, and the handler is put back; a thread is joined.
# expect: none
# total: 0.3
# stop: TERM
# prints: till closed
# shape: SIG_IGN for a moment before the stop, and a thread that is no daemon but wakes at once by an Event
import contextlib
import signal
import threading


@contextlib.contextmanager
def uninterrupted():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Display(threading.Thread):
    def __init__(self, stopping: threading.Event) -> None:
        super().__init__(name="display")
        self.stopping = stopping

    def run(self) -> None:
        while not self.stopping.wait(10):
            pass


class Till:
    def __init__(self) -> None:
        self.stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self.stopping.set())
        self.display = Display(self.stopping)

    def run(self) -> None:
        self.display.start()
        for sale in range(3):
            with uninterrupted():
                print("sale", sale, flush=True)
        print("ready", flush=True)
        self.stopping.wait()
        self.display.join()
        print("till closed", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    Till().run()
