# truth: The group's tasks are cancelled by the signal, roll back under asyncio.timeout() and re-raise: 0.1 s.
# expect: none
# total: 0.15
# python: 3.11-3.13
# stop: TERM
# shape: TaskGroup and asyncio.timeout(), a retry decorator that lets the cancellation through
import asyncio
import functools
import signal


def retried(function):
    @functools.wraps(function)
    async def attempt(*args):
        while True:
            try:
                return await function(*args)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                print("again after", repr(error), flush=True)
                await asyncio.sleep(0.01)

    return attempt


class Replica:
    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 1

    @retried
    async def sync(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError(self.name)
        try:
            await asyncio.sleep(60)
        finally:
            async with asyncio.timeout(1):
                await asyncio.sleep(0.1)


async def main() -> None:
    running = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(Replica(name).sync())
            await asyncio.sleep(0.1)
            print("ready", flush=True)
    except asyncio.CancelledError:
        print("synced", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
