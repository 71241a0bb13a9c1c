# expect: slow-task
# where: close
# seconds: 1.0
# total: 1.0
# stop: TERM
# shape: 50 tasks of which one is slow
# truth: Of 50 feed readers only the one that still holds an archive cleans up slowly, for 1.0 s.
"""Reads fifty feeds at the same time."""
import asyncio
import signal


class Feed:
    def __init__(self, number):
        self.number = number
        self.archive = number == 37

    async def close(self):
        if self.archive:
            await asyncio.sleep(1.0)  # <- here

    async def read(self):
        try:
            while True:
                await asyncio.sleep(0.5 + self.number / 100)
        finally:
            await self.close()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    readers = [asyncio.ensure_future(Feed(number).read()) for number in range(50)]
    print("ready", flush=True)
    await stop.wait()
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


asyncio.run(main())
