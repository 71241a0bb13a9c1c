# expect: none
# stop: TERM
# total: 0.0
# prints: profile saved, left
# shape: a handler that calls the previous one
# truth: The profiler's handler keeps the program's handler and calls it.
"""A poller whose profiler chains to the handler that was there."""
import signal
import threading

stopping = threading.Event()


def request_stop(signum, frame):
    stopping.set()


def enable_profiler():
    previous = signal.getsignal(signal.SIGTERM)

    def save(signum, frame):
        print("profile saved", flush=True)
        if callable(previous):
            previous(signum, frame)

    signal.signal(signal.SIGTERM, save)


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, request_stop)
    enable_profiler()
    print("ready", flush=True)
    while not stopping.is_set():
        stopping.wait(0.1)
    print("left", flush=True)


main()
