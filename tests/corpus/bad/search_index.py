# truth: run() returns as soon as the first of its two tasks is done, and the loop is closed over the indexer's commit.
# expect: loop-closed-with-pending-tasks
# accept: task-destroyed-pending
# where: _commit
# total: 0.05
# stop: TERM
# silent: committed
# shape: asyncio.wait(FIRST_COMPLETED) of a stop event and the work; run_until_complete() and close() by hand
import asyncio
import signal


class Indexer:
    def __init__(self) -> None:
        self.documents = ["a", "b"]

    async def run(self) -> None:
        while True:
            await self._commit(self.documents)

    async def _commit(self, documents: list) -> None:
        await asyncio.sleep(0.8)  # <- here
        print("committed", len(documents), flush=True)


class Service:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.stopping = loop.create_future()

    def stop(self) -> None:
        if not self.stopping.done():
            self.stopping.set_result(None)

    async def run(self) -> None:
        self.work = self.loop.create_task(Indexer().run())  # <- or here
        await asyncio.sleep(0)
        print("ready", flush=True)
        done, _ = await asyncio.wait({self.work, self.stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


if __name__ == "__main__":
    signal.alarm(20)
    loop = asyncio.new_event_loop()
    service = Service(loop)
    loop.add_signal_handler(signal.SIGTERM, service.stop)
    try:
        loop.run_until_complete(service.run())
    finally:
        loop.close()  # <- or here
