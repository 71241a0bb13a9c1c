# truth: The nested guard overwrites the saved handler, so that the outer one "restores" SIG_IGN: SIGTERM stays ignored.
# expect: signal-ignored
# accept: handler-displaced
# where: __enter__?
# exit: KILL
# grace: 2
# stop: TERM
# shape: a re-entrant guard against signals in a critical section, that forgets the first handler
import signal
import threading


class Uninterrupted:
    """Defers SIGTERM while money moves."""

    def __init__(self) -> None:
        self._saved = None

    def __enter__(self) -> "Uninterrupted":
        self._saved = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # <- here
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGTERM, self._saved)  # <- or here


guard = Uninterrupted()
stopping = threading.Event()


def charge(invoice: int) -> None:
    with guard:
        _log(invoice)


def _log(invoice: int) -> None:
    with guard:
        print("charged", invoice, flush=True)


class Biller:
    def run(self) -> None:
        for invoice in range(3):
            charge(invoice)
        print("ready", flush=True)
        while not stopping.wait(0.1):
            pass
        print("billing ended", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    Biller().run()
