# expect: waits-for-nobody
# accept: slow-task
# also: killed
# where: close
# exit: KILL
# stop: TERM
# grace: 2
# silent: closed
# shape: an event whose setter was cancelled, killed
# truth: close() cancels the flusher and then waits for the event that only the flusher would have set.
"""Buffers records and flushes them from a task."""
import asyncio
import signal


class Buffer:
    def __init__(self):
        self.flushed = asyncio.Event()
        self.task = asyncio.create_task(self.flush_forever())

    async def flush_forever(self):
        while True:
            await asyncio.sleep(0.7)
            self.flushed.set()

    async def close(self):
        self.task.cancel()
        self.flushed.clear()
        await self.flushed.wait()  # <- here
        print("closed", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    buffer = Buffer()
    print("ready", flush=True)
    await stop.wait()
    await buffer.close()


asyncio.run(main())
