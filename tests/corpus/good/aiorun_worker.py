# expect: none
# stop: TERM
# total: 0.1
# packages: aiorun
# prints: worker done
# shape: aiorun
# truth: aiorun cancels the worker, which cleans up in 0.05 s.
"""A worker under aiorun."""
import asyncio
import signal

from aiorun import run


async def work():
    try:
        while True:
            await asyncio.sleep(0.3)
    except asyncio.CancelledError:
        await asyncio.sleep(0.05)
        print("worker done", flush=True)
        raise


async def main():
    worker = asyncio.ensure_future(work())
    print("ready", flush=True)
    try:
        await worker
    except asyncio.CancelledError:
        pass


signal.alarm(20)
run(main())
