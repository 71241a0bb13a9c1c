# expect: signal-ignored
# also: killed
# exit: KILL
# stop: TERM
# grace: 2
# shape: the disposition is inherited through exec
# truth: A launcher ignores SIGTERM before it starts the program, which inherits that and sets no handler.
"""Counts, under a launcher that wants to survive hang-ups and terminations."""
import asyncio
import os
import signal
import sys


def launch():
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), "launched"])


async def main():
    print("ready", flush=True)
    for number in range(300):
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    signal.alarm(20)
    if len(sys.argv) == 1:
        launch()
    asyncio.run(main())
