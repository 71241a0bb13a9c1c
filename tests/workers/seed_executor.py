"""Work in the default executor outlives the main coroutine: an error before Python 3.9, a silent wait since."""

import asyncio
import time


def crunch():
    time.sleep(0.6)
    print("thread over", flush=True)


async def main():
    asyncio.get_running_loop().run_in_executor(None, crunch)
    print("ready", flush=True)
    await asyncio.sleep(0.1)
    print("main over", flush=True)


asyncio.run(main())
