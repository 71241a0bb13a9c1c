# expect: none
# stop: TERM
# total: 0.0
# prints: stopped
# shape: cancels a task and awaits it
# truth: The only task is cancelled and awaited; it ends at once.
"""Polls a sensor until it is told to stop."""
import asyncio
import signal


async def poll():
    while True:
        await asyncio.sleep(0.2)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    poller = asyncio.create_task(poll())
    print("ready", flush=True)
    await stop.wait()
    poller.cancel()
    try:
        await poller
    except asyncio.CancelledError:
        print("stopped", flush=True)


asyncio.run(main())
