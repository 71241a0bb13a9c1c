# expect: slow-task
# where: push
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: pushed 2
# shape: await in finally, task cancelled and awaited by main
# truth: The reporter's finally block pushes the last batch for 0.9 s, begun when it was cancelled.
"""Counts requests and pushes the counters every few seconds."""
import asyncio
import signal


class Reporter:
    def __init__(self):
        self.counters = {"requests": 17, "errors": 1}

    async def push(self, batch):
        await asyncio.sleep(0.9)  # <- here
        print("pushed", len(batch), flush=True)

    async def run(self):
        try:
            while True:
                await asyncio.sleep(5)
                await self.push(dict(self.counters))
        finally:
            await self.push(dict(self.counters))


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    reporter = asyncio.create_task(Reporter().run())
    print("ready", flush=True)
    await stop.wait()
    reporter.cancel()
    await asyncio.wait({reporter})


asyncio.run(main())
