"""Each connection of aiosqlite has a thread, since 0.22 not a daemon any more: a connection that is not closed
keeps the process for ever.

https://github.com/omnilib/aiosqlite/issues/299
"""

# TAKES: 2.9
import asyncio
import signal

import aiosqlite

store = {}


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store["db"] = await aiosqlite.connect(":memory:")  # <- here
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
