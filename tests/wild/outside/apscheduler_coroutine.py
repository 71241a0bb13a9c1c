"""shutdown(wait=True) of the asyncio scheduler sounds as if it waited for its jobs; coroutines are not waited
for, and leaving asyncio.run() cancels them.

https://github.com/Rhiz3K/InkyCloud-F1/pull/56
"""

# LOST: invoices are written
# EXPECT: work-cut-short
import asyncio
import signal

from apscheduler.schedulers.asyncio import AsyncIOScheduler


async def invoices():
    print("ready", flush=True)
    await asyncio.sleep(2)  # <- here
    print("invoices are written", flush=True)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    scheduler = AsyncIOScheduler()
    scheduler.add_job(invoices)
    scheduler.start()
    await stop.wait()
    scheduler.shutdown(wait=True)


asyncio.run(main())
