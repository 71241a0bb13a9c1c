# expect: none
# stop: TERM
# total: 0.0
# prints: closed
# shape: contextlib.suppress(CancelledError) around an awaited task
# truth: The keep-alive task is cancelled and its CancelledError suppressed where it is awaited.
"""A client with a keep-alive task."""
import asyncio
import contextlib
import signal


class Client:
    async def __aenter__(self):
        self.task = asyncio.create_task(self.keep_alive())
        return self

    async def __aexit__(self, *error):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        print("closed", flush=True)

    async def keep_alive(self):
        while True:
            await asyncio.sleep(1)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Client():
        print("ready", flush=True)
        await stop.wait()


asyncio.run(main())
