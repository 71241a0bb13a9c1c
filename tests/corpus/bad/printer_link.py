# truth: The link's finally starts its good-bye as a task that nobody awaits; the loop is closed before it is sent.
# expect: task-created-in-cancel-handler
# accept: loop-closed-with-pending-tasks, task-destroyed-pending
# where: close
# total: 0.05
# stop: INT
# silent: farewell
# shape: a synchronous close(), called in a finally of the cancelled task, that wraps its coroutine in ensure_future
import asyncio
import signal


class Link:
    """A driver whose close() may be called from anywhere."""

    def __init__(self) -> None:
        self.open = True

    async def ping(self) -> None:
        await asyncio.sleep(0.05)

    async def _say_goodbye(self) -> None:
        await asyncio.sleep(0.2)
        print("farewell", flush=True)

    def close(self) -> None:
        if self.open:
            self.open = False
            self.closing = asyncio.ensure_future(self._say_goodbye())  # <- here


class Printer:
    def __init__(self) -> None:
        self.link = Link()

    async def run(self) -> None:
        try:
            while True:
                await self.link.ping()
        finally:
            self.link.close()  # <- or here


async def main() -> None:
    printer = asyncio.ensure_future(Printer().run())
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await printer


if __name__ == "__main__":
    signal.alarm(20)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("printer off", flush=True)
