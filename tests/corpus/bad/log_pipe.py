# expect: waits-for-child
# also: killed
# where: main
# exit: KILL
# stop: TERM
# grace: 2
# silent: filter ended
# shape: Popen.wait() while the child blocks on its full stdout pipe
# truth: The filter writes a long summary into a pipe that nobody reads, and the worker waits for its exit.
"""Pipes lines through a filter process."""
import signal
import subprocess
import sys
import threading

FILTER = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.alarm(20)
lines = sys.stdin.readlines()
for number in range(20000):
    print("summary", number, len(lines))
"""
stopping = threading.Event()


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, lambda signum, frame: stopping.set())
    pipe = subprocess.PIPE
    child = subprocess.Popen([sys.executable, "-c", FILTER], stdin=pipe, stdout=pipe)
    print("ready", flush=True)
    while not stopping.wait(0.1):
        child.stdin.write(b"a line\n")
        child.stdin.flush()
    child.stdin.close()
    status = child.wait()  # <- here
    print("filter ended", status, flush=True)


main()
