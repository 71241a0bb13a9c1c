# truth: suppress(CancelledError) is meant for the child, but takes the watchdog's own cancellation; it then backs off 0.9 s.
# expect: cancel-swallowed
# where: watch
# seconds: 0.9
# total: 0.9
# stop: TERM
# shape: contextlib.suppress(CancelledError) around `await child`, in a task that is cancelled itself
import asyncio
import contextlib
import signal


class Feed:
    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.05)


class Watchdog:
    """Restarts its feed when it has been cancelled by the broker."""

    def __init__(self, backoff: float) -> None:
        self.backoff = backoff
        self.closed = False

    async def watch(self) -> None:
        while not self.closed:
            self.child = asyncio.ensure_future(Feed().run())
            with contextlib.suppress(asyncio.CancelledError):  # <- here
                await self.child  # <- or here
            await asyncio.sleep(self.backoff)  # <- or here

    async def close(self, task: asyncio.Task) -> None:
        self.closed = True
        task.cancel()
        await asyncio.wait([task])


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    watchdog = Watchdog(0.9)
    task = asyncio.ensure_future(watchdog.watch())
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stop.wait()
    await watchdog.close(task)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
