"""Ends as it should: a handler for SIGTERM, a short cleanup, nothing left behind."""

import asyncio
import signal


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("polite: waiting for work", flush=True)
    await stop.wait()
    await asyncio.sleep(0.05)  # closing a database, say
    print("polite: closed everything", flush=True)


asyncio.run(main())
