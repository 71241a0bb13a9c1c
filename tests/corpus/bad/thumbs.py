# truth: Of eight thumbnail workers the one with the remote sink takes 1 s to close it; the others end at once.
# expect: slow-task
# where: close
# seconds: 1.0
# total: 1.0
# python: 3.11-3.13
# stop: TERM
# shape: eight workers in a TaskGroup, one of them slow by an overridden method
import asyncio
import signal


class Sink:
    async def close(self) -> None:
        await asyncio.sleep(0)


class LocalSink(Sink):
    def __init__(self, folder: str) -> None:
        self.folder = folder


class RemoteSink(Sink):
    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self.parts = 5

    async def close(self) -> None:
        await super().close()
        while self.parts:
            self.parts -= 1
            await asyncio.sleep(0.2)  # <- here


class Worker:
    def __init__(self, number: int, sink: Sink) -> None:
        self.number = number
        self.sink = sink

    async def run(self, jobs: "asyncio.Queue[str]") -> None:
        try:
            while True:
                await jobs.get()
                await asyncio.sleep(0.01)
        finally:
            await self.sink.close()


async def pool() -> None:
    jobs: "asyncio.Queue[str]" = asyncio.Queue()
    sinks = [RemoteSink("media") if number == 5 else LocalSink(f"out{number}") for number in range(8)]
    async with asyncio.TaskGroup() as group:
        for number, sink in enumerate(sinks):
            group.create_task(Worker(number, sink).run(jobs), name=f"worker-{number}")
        for number in range(16):
            jobs.put_nowait(f"{number}.png")
        await asyncio.sleep(0.05)
        print("ready", flush=True)


async def main() -> None:
    running = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await pool()
    except asyncio.CancelledError:
        print("all workers have ended", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
