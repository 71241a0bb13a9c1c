# expect: exit-without-cleanup
# where: on_term?
# total: 0.0
# stop: TERM
# silent: written, closed
# shape: os._exit in the signal handler
# truth: The handler calls os._exit while a row is being written; nothing is finished or closed.
"""Writes rows; leaves quickly when told to."""
import asyncio
import os
import signal


def on_term():
    os._exit(0)  # <- here


async def write(row):
    await asyncio.sleep(2)  # <- or here
    print("written", row, flush=True)


async def main():
    signal.alarm(20)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, on_term)
    print("ready", flush=True)
    try:
        for row in range(20):
            await write(row)
    finally:
        print("closed", flush=True)


asyncio.run(main())
