"""A websockets server whose handler does not end when its connection is closed."""

import asyncio
import signal
import sys

from websockets.asyncio.server import serve


async def handler(connection):
    await report()


async def report():
    await asyncio.sleep(30)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serve(handler, "127.0.0.1", int(sys.argv[1]), close_timeout=0.2):
        print("ready", flush=True)
        await stop.wait()


asyncio.run(main())
