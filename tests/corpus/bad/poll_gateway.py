# expect: cancel-swallowed
# also: slow-task
# where: fetch_rates
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: attempt 1 failed, attempt 3 failed
# shape: except BaseException in a retry loop, ends by itself
# at 3.8-3.10: accept=slow-task
# truth: The retry loop takes the cancellation for a failed attempt, backs off and tries twice more: 0.9 s.
"""Fetches rates from a gateway by long polling, with retries."""
import asyncio
import signal


class Gateway:
    closed = False

    async def request(self):
        if self.closed:
            raise ConnectionError("gateway is closed")
        await asyncio.sleep(15)


async def fetch_rates(gateway):
    for attempt in (1, 2, 3):
        try:
            return await gateway.request()
        except BaseException as error:  # <- here
            print("attempt", attempt, "failed", repr(error), flush=True)
            await asyncio.sleep(0.3)  # <- or here


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    gateway = Gateway()
    poller = asyncio.create_task(fetch_rates(gateway))
    print("ready", flush=True)
    await stop.wait()
    gateway.closed = True
    poller.cancel()
    await asyncio.wait([poller])


asyncio.run(main())
