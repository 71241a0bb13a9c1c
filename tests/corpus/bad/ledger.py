# expect: slow-task
# where: sync
# seconds: 0.7
# total: 0.7
# stop: TERM
# prints: journal closed
# shape: nested cancels
# truth: main cancels the keeper, the keeper cancels the writer, and the writer syncs its journal for 0.7 s.
"""A ledger with a writer below a keeper."""
import asyncio
import contextlib
import signal


class Journal:
    async def append(self):
        await asyncio.sleep(0.2)

    async def sync(self):
        await asyncio.sleep(0.7)  # <- here


async def writer(journal):
    try:
        while True:
            await journal.append()
    finally:
        await journal.sync()


async def keeper():
    task = asyncio.create_task(writer(Journal()))
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        print("journal closed", flush=True)
        raise


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(keeper())
    print("ready", flush=True)
    await stop.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


asyncio.run(main())
