# expect: signal-ignored
# accept: handler-displaced
# also: killed
# where: write?
# exit: KILL
# stop: TERM
# grace: 2
# silent: stopping
# shape: SIG_IGN around a critical section, not taken back
# truth: SIGTERM is ignored during a write; the early return leaves it ignored for ever.
"""Writes a file now and then; the write must not be interrupted."""
import signal
import threading

stopping = threading.Event()
written = {}


def on_term(signum, frame):
    print("stopping", flush=True)
    stopping.set()


def write(name, text):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # <- here
    if written.get(name) == text:
        return
    written[name] = text
    signal.signal(signal.SIGTERM, before)


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, on_term)
    write("state", "1")
    write("state", "1")
    print("ready", flush=True)
    while not stopping.wait(0.2):
        pass


main()
