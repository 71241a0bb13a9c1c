# expect: task-destroyed-pending
# accept: loop-closed-with-pending-tasks
# where: refresh
# total: 0.0
# stop: TERM
# prints: Task was destroyed but it is pending!
# silent: refreshed
# shape: a task without a reference is collected while the loop drains
# truth: The refresh task is referenced by nothing but the entry it waits for; dropping the cache destroys it.
"""A cache whose entries are refreshed in the background."""
import asyncio
import gc
import signal


class Entry:
    def __init__(self, loop):
        self.loaded = loop.create_future()


async def refresh(entry):
    await entry.loaded  # <- here
    print("refreshed", flush=True)


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    cache = {"eur": Entry(loop)}
    asyncio.ensure_future(refresh(cache["eur"]))
    await asyncio.sleep(0)
    print("ready", flush=True)
    await stop.wait()
    cache.clear()
    gc.collect()


asyncio.run(main())
