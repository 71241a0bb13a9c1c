# truth: The next change is awaited by a blocking get() in the default executor, which nothing ends once the task is cancelled.
# expect: executor-busy
# accept: waits-for-nobody
# where: _next
# exit: KILL
# grace: 2
# stop: TERM
# shape: queue.Queue.get() without a timeout in run_in_executor: the job never ends, and asyncio.run() waits for it
# at 3.8: expect=executor-outlives-loop
import asyncio
import queue
import signal


class Changes:
    """A driver's synchronous subscription."""

    def __init__(self) -> None:
        self._queue: "queue.Queue[str]" = queue.Queue()

    def _next(self) -> str:
        return self._queue.get()  # <- here

    def __aiter__(self) -> "Changes":
        return self

    async def __anext__(self) -> str:
        return await asyncio.get_running_loop().run_in_executor(None, self._next)


class Replicator:
    async def run(self, changes: Changes) -> None:
        async for change in changes:
            print("change", change, flush=True)


async def main() -> None:
    task = asyncio.ensure_future(Replicator().run(Changes()))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.gather(task, return_exceptions=True)
    print("replication stopped", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
