# expect: slow-asyncgen
# where: rows
# seconds: 0.8
# total: 0.8
# stop: TERM
# prints: cursor closed
# shape: generator left by break, kept by an object
# truth: A generator that was left by break is closed by asyncio.run at the end; its finally takes 0.8 s.
"""Reads some rows of a big table and keeps the cursor for later."""
import asyncio
import signal


class Table:
    def __init__(self):
        self.cursor = None

    async def rows(self):
        number = 0
        try:
            while True:
                yield number
                number += 1
        finally:
            await asyncio.sleep(0.8)  # <- here
            print("cursor closed", flush=True)

    async def first(self, count):
        self.cursor = self.rows()
        async for number in self.cursor:
            if number == count:
                break


table = Table()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await table.first(3)
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
