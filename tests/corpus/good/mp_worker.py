# expect: none
# stop: TERM
# total: 0.0
# prints: joined
# shape: a multiprocessing process told to end and joined
# truth: The process gets a sentinel, ends and is joined.
"""Computes in a second process, fed by a queue."""
import multiprocessing
import signal
import sys


def compute(jobs):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.alarm(20)
    for _ in iter(jobs.get, None):
        pass


def stop(signum, frame):
    sys.exit(0)


if __name__ == "__main__":
    signal.alarm(20)
    jobs = multiprocessing.Queue()
    process = multiprocessing.Process(target=compute, args=(jobs,))
    process.start()
    signal.signal(signal.SIGTERM, stop)
    jobs.put(1)
    print("ready", flush=True)
    try:
        signal.pause()
    finally:
        jobs.put(None)
        process.join()
        print("joined", process.exitcode, flush=True)
