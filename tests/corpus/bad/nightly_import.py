# expect: slow-task
# where: load_rows
# seconds: 1.3
# total: 1.3
# stop: TERM
# grace: 2
# prints: imported
# shape: in-flight work that eats most of the grace period
# truth: The import that was running takes another 1.3 s of the 2 s that are allowed.
"""Imports a table and stops between two tables."""
import asyncio
import signal

stopping = False


async def load_rows(table):
    await asyncio.sleep(1.4)  # <- here
    print("imported", table, flush=True)


async def importer(tables):
    for table in tables:
        if stopping:
            break
        await load_rows(table)


def request_stop():
    global stopping
    stopping = True


async def main():
    signal.alarm(20)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, request_stop)
    job = asyncio.create_task(importer(["orders", "items", "users"]))
    print("ready", flush=True)
    await job


asyncio.run(main())
