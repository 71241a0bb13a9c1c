# truth: The drain takes all four permits, but a fetch that failed never gave its permit back: nobody is left to release it.
# expect: waits-for-nobody
# where: drain
# exit: KILL
# grace: 2
# stop: TERM
# shape: a semaphore used as an in-flight counter, one permit lost by an exception between acquire and release
import asyncio
import signal


class Fetcher:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.permits = asyncio.Semaphore(limit)
        self.tasks: set = set()

    async def submit(self, url: str) -> None:
        await self.permits.acquire()
        task = asyncio.ensure_future(self._fetch(url))
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            print("failed:", task.exception(), flush=True)

    async def _fetch(self, url: str) -> None:
        await asyncio.sleep(0.01)
        if url.endswith("/3"):
            raise ConnectionError(url)
        self.permits.release()

    async def drain(self) -> None:
        for _ in range(self.limit):
            await self.permits.acquire()  # <- here
        print("drained", flush=True)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    fetcher = Fetcher(limit=4)
    for number in range(6):
        await fetcher.submit(f"http://example/{number}")
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stop.wait()
    await fetcher.drain()


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
