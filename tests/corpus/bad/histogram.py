# expect: handler-not-run
# accept: loop-blocked
# also: killed
# where: total
# exit: KILL
# stop: TERM
# grace: 2
# silent: stopping
# shape: the GIL held in C by the main thread
# truth: sum() over a huge range holds the interpreter in C code, so that no signal handler can run.
"""Sums up a histogram between two requests to stop."""
import signal
import sys
import threading

stopping = threading.Event()


def on_term(signum, frame):
    print("stopping", flush=True)
    stopping.set()


def total(buckets):
    return sum(range(buckets))  # <- here


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, on_term)
    buckets = 10
    while not stopping.wait(0.02):
        buckets *= 10 ** 11
        print("ready", flush=True)
        total(buckets)


if __name__ == "__main__":
    sys.exit(main())
