# truth: A page recognition that nobody awaits any more runs on for 1.2 s in the class's own pool, which the exit joins.
# expect: executor-outlives-loop
# where: recognise
# seconds: 1.2
# total: 1.2
# stop: TERM
# shape: a pool that a class owns and never shuts down, fed by a callback chain
import asyncio
import concurrent.futures
import signal
import time


class Recogniser:
    def __init__(self) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="ocr")
        self._results: dict = {}

    def submit(self, page: int) -> None:
        future = self._pool.submit(self.recognise, page)
        future.add_done_callback(lambda done: self._results.setdefault(page, done.result()))

    def recognise(self, page: int) -> str:
        time.sleep(1.3)  # <- here
        return f"text of {page}"


class Gateway:
    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser
        self.stopping = asyncio.Event()

    async def intake(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(self.on_page, 1)
        await self.stopping.wait()

    def on_page(self, page: int) -> None:
        self.recogniser.submit(page)
        print("ready", flush=True)


async def main() -> None:
    gateway = Gateway(Recogniser())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, gateway.stopping.set)
    await gateway.intake()
    print("gateway closed", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
