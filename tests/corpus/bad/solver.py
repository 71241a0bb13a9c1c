# expect: waits-for-child
# where: solve?
# seconds: 1.0
# total: 1.0
# stop: TERM
# prints: solver left
# shape: multiprocessing process joined at the interpreter's exit
# truth: Nobody joins the solver process, so the interpreter does at its exit; it takes 1.0 s to leave.
"""Solves puzzles in a process of its own."""
import multiprocessing
import signal
import sys
import time


def solve(leaving):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.alarm(20)
    leaving.wait()
    time.sleep(1.0)  # <- here
    print("solver left", flush=True)


def main():
    signal.alarm(20)
    context = multiprocessing.get_context("fork")
    leaving = context.Event()
    process = context.Process(target=solve, args=(leaving,), name="solver")
    process.start()
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(0))
    print("ready", flush=True)
    try:
        while True:
            time.sleep(0.2)
    finally:
        leaving.set()


if __name__ == "__main__":
    main()
