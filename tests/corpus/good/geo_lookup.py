# truth: The executor's jobs ended long before the stop; its threads are idle and the pool is closed at once.
# expect: none
# total: 0.05
# stop: TERM
# shape: idle threads of a pool of one's own and of the default one; both are shut down
import asyncio
import functools
import signal
import time
from concurrent.futures import ThreadPoolExecutor


class Geo:
    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="geo")

    def _lookup(self, address: str, precise: bool) -> tuple:
        time.sleep(0.02)
        return address, precise

    async def lookup(self, address: str) -> tuple:
        loop = asyncio.get_running_loop()
        rough = loop.run_in_executor(None, functools.partial(self._lookup, address, precise=False))
        fine = loop.run_in_executor(self.pool, functools.partial(self._lookup, address, precise=True))
        await rough
        return await fine

    def close(self) -> None:
        self.pool.shutdown(wait=True)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    geo = Geo()
    try:
        await asyncio.gather(*(geo.lookup(f"Street {number}") for number in range(6)))
        print("ready", flush=True)
        await stop.wait()
    finally:
        geo.close()


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
