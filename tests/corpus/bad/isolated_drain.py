# expect: no-agent
# also: slow-task
# total: 1.3
# stop: TERM
# grace: 2
# prints: flushed
# shape: python -I with a slow cleanup
# truth: Python was started with -I, so no agent sees that the flush takes 1.3 s of the 2 s allowed.
"""Flushes its buffer at the end, in an isolated interpreter."""
import asyncio
import os
import signal
import sys


async def flush():
    await asyncio.sleep(1.3)
    print("flushed", flush=True)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await flush()


if __name__ == "__main__":
    signal.alarm(20)
    if not sys.flags.isolated:
        os.execv(sys.executable, [sys.executable, "-I", os.path.abspath(__file__)])
    asyncio.run(main())
