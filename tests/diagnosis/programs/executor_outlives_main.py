"""Executor work that outlives main: an error before Python 3.9, a silent wait since."""

import asyncio
import time


async def main():
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, blocking)
    print(f"{time.ctime()} Hello!", flush=True)
    print("ready", flush=True)
    await asyncio.sleep(1.0)
    print(f"{time.ctime()} Goodbye!", flush=True)


def blocking():
    time.sleep(1.5)
    print(f"{time.ctime()} Hello from a thread!", flush=True)


asyncio.run(main())
