# truth: The tracing library puts its handler over the service's, flushes, and calls the one it had found.
# expect: none
# total: 0.1
# stop: TERM
# prints: spans flushed, service stopped
# shape: a handler replaced by a later library that chains to the previous one
import signal
import threading
import time


class Tracing:
    """Third-party."""

    def __init__(self) -> None:
        self.spans = [1, 2, 3]

    def install(self) -> None:
        self._previous = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame) -> None:
        self.flush()
        if callable(self._previous):
            self._previous(number, frame)

    def flush(self) -> None:
        self.spans.clear()
        print("spans flushed", flush=True)


class Service:
    def __init__(self) -> None:
        self.stopping = threading.Event()
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_) -> None:
        self.stopping.set()

    def run(self) -> None:
        print("ready", flush=True)
        while not self.stopping.wait(1.0):
            time.sleep(0.01)
        print("service stopped", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    service = Service()
    Tracing().install()
    service.run()
