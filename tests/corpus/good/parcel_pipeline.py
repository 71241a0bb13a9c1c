# truth: The producer stops first, the living consumers empty the queue in 0.3 s, join() returns, then they are cancelled.
# expect: none
# total: 0.4
# stop: TERM
# prints: nothing left
# shape: queue.join() with consumers that are alive, in the right order of closing
import asyncio
import signal


class Pipeline:
    def __init__(self) -> None:
        self.queue: "asyncio.Queue[int]" = asyncio.Queue(maxsize=20)
        self.done = 0

    async def produce(self) -> None:
        number = 0
        while True:
            await self.queue.put(number)
            number += 1

    async def consume(self) -> None:
        while True:
            await self.queue.get()
            try:
                await asyncio.sleep(0.05)
                self.done += 1
            finally:
                self.queue.task_done()

    async def close(self, producer: asyncio.Task, consumers: list) -> None:
        producer.cancel()
        await asyncio.gather(producer, return_exceptions=True)
        await asyncio.wait_for(self.queue.join(), 5)
        for consumer in consumers:
            consumer.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pipeline = Pipeline()
    producer = asyncio.ensure_future(pipeline.produce())
    consumers = [asyncio.ensure_future(pipeline.consume()) for _ in range(4)]
    await asyncio.sleep(0.1)
    print("ready", flush=True)
    await stop.wait()
    await pipeline.close(producer, consumers)
    print("nothing left" if pipeline.queue.empty() else "lost", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
