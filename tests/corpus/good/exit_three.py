# expect: none
# stop: none
# total: 0.2
# exit: 3
# prints: nothing to do
# shape: sys.exit with a status after everything was closed
# truth: The program finds nothing to do and leaves with status 3, in order.
"""Looks for work and says by its exit status that there is none."""
import asyncio
import signal
import sys


async def look():
    await asyncio.sleep(0.2)
    return []


async def main():
    signal.alarm(20)
    print("ready", flush=True)
    if not await look():
        print("nothing to do", flush=True)
        return 3
    return 0


sys.exit(asyncio.run(main()))
