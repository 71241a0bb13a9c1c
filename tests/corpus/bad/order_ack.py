# truth: The last flush waits for an acknowledgement, but the reader that would bring it has been cancelled before: 0.9 s for nothing.
# expect: waits-for-nobody
# accept: slow-task
# where: flush
# seconds: 0.9
# total: 0.95
# stop: TERM
# shape: the wrong order of closing: reader first, then a flush that needs it, bounded by wait_for
import asyncio
import signal


class Link:
    """Stands for a broker: what is sent comes back as an acknowledgement."""

    def __init__(self) -> None:
        self.acknowledgements: "asyncio.Queue[int]" = asyncio.Queue()

    async def send(self, number: int) -> None:
        await asyncio.sleep(0.005)
        self.acknowledgements.put_nowait(number)


class Producer:
    def __init__(self, link: Link) -> None:
        self.link = link
        self.waiting: dict = {}
        self.number = 0

    async def __aenter__(self) -> "Producer":
        self.reader = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_) -> None:
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)
        await self.flush()

    async def _read(self) -> None:
        while True:
            number = await self.link.acknowledgements.get()
            self.waiting.pop(number).set_result(None)

    async def publish(self) -> asyncio.Future:
        self.number += 1
        self.waiting[self.number] = future = asyncio.get_running_loop().create_future()
        await self.link.send(self.number)
        return future

    async def flush(self) -> None:
        future = await self.publish()
        try:
            await asyncio.wait_for(future, timeout=0.9)  # <- here
        except asyncio.TimeoutError:
            print("flush gave up", flush=True)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Producer(Link()) as producer:
        await (await producer.publish())
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
