# truth: The retry decorator takes the cancellation for a failed attempt and backs off 0.9 s before it gives up.
# expect: cancel-swallowed
# where: attempt
# seconds: 0.9
# total: 0.9
# stop: INT
# shape: a decorator's except BaseException around somebody else's coroutine, then a backoff; SIGINT, asyncio.run
import asyncio
import functools
import signal


def retried(attempts: int, backoff: float):
    def decorate(function):
        @functools.wraps(function)
        async def attempt(*args, **kwargs):
            for number in range(attempts):
                try:
                    return await function(*args, **kwargs)
                except BaseException as error:  # <- here
                    print(f"attempt {number + 1} failed: {error!r}", flush=True)
                    await asyncio.sleep(backoff)  # <- or here
            return None

        return attempt

    return decorate


class Hooks:
    def __init__(self) -> None:
        self.queue: "asyncio.Queue[dict]" = asyncio.Queue()

    async def enqueue(self, event: dict) -> None:
        await self.queue.put(event)

    @retried(attempts=1, backoff=0.9)
    async def deliver(self, event: dict) -> str:
        await asyncio.sleep(30)
        return "delivered"

    async def loop(self) -> None:
        event = await self.queue.get()
        await self.deliver(event)
        self.queue.task_done()


async def main() -> None:
    hooks = Hooks()
    worker = asyncio.ensure_future(hooks.loop())
    await hooks.enqueue({"id": 1})
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.wait([worker, asyncio.ensure_future(asyncio.sleep(60))])


if __name__ == "__main__":
    signal.alarm(20)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("bye", flush=True)
