# truth: Eight consumers catch CancelledError, give their message back and return: a moment each, no re-raise needed.
# expect: none
# total: 0.1
# stop: TERM
# shape: tasks that end by catching their cancellation, without re-raising it, after a short await
import asyncio
import signal


class Broker:
    def __init__(self) -> None:
        self.ready: "asyncio.Queue[int]" = asyncio.Queue()
        for number in range(100):
            self.ready.put_nowait(number)

    async def requeue(self, message: int) -> None:
        await asyncio.sleep(0.01)
        self.ready.put_nowait(message)


class Consumer:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    async def run(self) -> None:
        message = None
        try:
            while True:
                message = await self.broker.ready.get()
                await asyncio.sleep(0.2)
                message = None
        except asyncio.CancelledError:
            if message is not None:
                await self.broker.requeue(message)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    broker = Broker()
    consumers = [asyncio.ensure_future(Consumer(broker).run()) for _ in range(8)]
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stop.wait()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers)
    print("left in the queue:", broker.ready.qsize(), flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
