"""Swallows its cancellation and polls on: nothing but SIGKILL ends it."""

import asyncio
import contextlib
import signal


async def poll() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):  # the fault: the loop goes on
            await asyncio.sleep(3600)


async def main() -> None:
    poller = asyncio.create_task(poll(), name="poller")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("stubborn: polling", flush=True)
    await stop.wait()
    poller.cancel()
    await poller


asyncio.run(main())
