# truth: Leaving `with ThreadPoolExecutor()` inside the coroutine joins the running export, which blocks the loop for 1.2 s.
# expect: executor-busy
# accept: loop-blocked
# where: export
# seconds: 1.2
# total: 1.2
# stop: TERM
# shape: the pool is a plain context manager around an await; its __exit__ joins in the loop's thread
import asyncio
import signal
import time
from concurrent.futures import ThreadPoolExecutor


class Exporter:
    def __init__(self, table: str) -> None:
        self.table = table

    def export(self) -> int:
        rows = 0
        until = time.monotonic() + 1.3
        while time.monotonic() < until:
            time.sleep(0.05)  # <- here
            rows += 1000
        return rows


async def report(tables: list) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=2) as pool:  # <- or here
        exports = [loop.run_in_executor(pool, Exporter(table).export) for table in tables]
        print("ready", flush=True)
        for done in asyncio.as_completed(exports):
            print("exported", await done, flush=True)


async def main() -> None:
    task = asyncio.ensure_future(report(["orders"]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
