# expect: non-daemon-thread
# where: evict?
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: evicted 1
# shape: threading.Timer started in the shutdown
# truth: Closing the cache starts a timer thread that is not a daemon: the exit waits 0.9 s until it fires.
"""A cache that evicts later, by a timer."""
import asyncio
import signal
import threading


class Cache:
    def __init__(self):
        self.items = {"a": 1}

    def evict(self):  # <- here
        print("evicted", len(self.items), flush=True)

    def close(self):
        threading.Timer(0.9, self.evict).start()  # <- or here


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    cache = Cache()
    print("ready", flush=True)
    await stop.wait()
    cache.close()


asyncio.run(main())
