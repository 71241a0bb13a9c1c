# truth: The encoder library leaves SIGTERM at its default action after its first run, so the service's handler is gone.
# expect: handler-displaced
# accept: no-signal-handler
# where: run?
# total: 0.05
# exit: -15
# stop: TERM
# silent: catalogue closed
# shape: a library that sets SIG_DFL after its work instead of what it had found, in a synchronous service
import signal
import subprocess
import sys
import threading


class EncoderLibrary:
    """Third-party: takes the signals while its child runs."""

    def run(self, *arguments: str) -> int:
        signal.signal(signal.SIGTERM, self._forward)
        self.child = subprocess.Popen(arguments)
        try:
            return self.child.wait()
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # <- here

    def _forward(self, number: int, _frame) -> None:
        self.child.send_signal(number)


class Catalogue:
    def __init__(self) -> None:
        self.stopping = threading.Event()
        signal.signal(signal.SIGTERM, self.stop)  # <- or here
        self.library = EncoderLibrary()

    def stop(self, *_) -> None:
        self.stopping.set()

    def serve(self) -> None:
        self.library.run(sys.executable, "-c", "pass")
        print("ready", flush=True)
        self.stopping.wait()  # <- or here
        print("catalogue closed", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    Catalogue().serve()
