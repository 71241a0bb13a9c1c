# expect: output-blocked
# also: non-daemon-thread, killed
# where: write_report?
# exit: KILL
# stop: TERM
# drive: unread
# grace: 2
# shape: os.write in a thread, no asyncio, killed
# truth: A thread writes a big report to a stdout that nobody reads, and the main thread joins it.
"""Writes a report at the end, from a thread."""
import os
import signal
import threading

stopping = threading.Event()


def write_report():
    stopping.wait()
    report = b"line of the report\n" * 20000
    while report:
        written = os.write(1, report)  # <- here
        report = report[written:]


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, lambda signum, frame: stopping.set())
    writer = threading.Thread(target=write_report, name="report")
    writer.start()
    print("ready", flush=True)
    while not stopping.wait(0.1):
        pass
    writer.join()  # <- or here


main()
