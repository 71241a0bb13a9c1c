"""A C call that holds the GIL: no Python code runs any more, no handler either."""

import asyncio
import signal


def crunch():
    return sum(range(10**11))


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    print("ready", flush=True)
    await asyncio.sleep(0.01)
    crunch()


asyncio.run(main())
