# truth: aiorun cancels the bot's tasks, which end at once, and its executor has nothing to do.
# expect: none
# total: 0.3
# packages: aiorun
# stop: TERM
# prints: position closed
# shape: aiorun with a task that cleans up and re-raises, and a shutdown-aware wait
import asyncio
import signal

import aiorun


class Bot:
    def __init__(self) -> None:
        self.ticks = 0

    async def trade(self) -> None:
        try:
            while True:
                await asyncio.sleep(0.05)
                self.ticks += 1
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)
            print("position closed", flush=True)
            raise


async def main() -> None:
    bot = asyncio.ensure_future(Bot().trade())
    await asyncio.sleep(0.2)
    print("ready", flush=True)
    try:
        await bot
    except asyncio.CancelledError:
        pass


if __name__ == "__main__":
    signal.alarm(20)
    aiorun.run(main(), stop_on_unhandled_errors=True)
