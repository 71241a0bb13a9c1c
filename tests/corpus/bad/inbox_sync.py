# expect: cancel-swallowed
# also: slow-task, killed
# where: sync
# exit: KILL
# stop: TERM
# grace: 2
# prints: nothing new
# shape: CancelledError caught together with TimeoutError, killed
# at 3.8-3.10: accept=slow-task
# truth: The sync loop treats a cancellation like a timeout and goes on for ever; main waits for it.
"""Waits for new mail, with a time limit for each wait."""
import asyncio
import signal


class Inbox:
    def __init__(self):
        self.arrived = asyncio.Event()

    async def sync(self):
        while True:
            try:
                await asyncio.wait_for(self.arrived.wait(), 1.5)  # <- or here
                self.arrived.clear()
            except (asyncio.TimeoutError, asyncio.CancelledError):  # <- here
                print("nothing new", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(Inbox().sync(), name="inbox")
    print("ready", flush=True)
    await stop.wait()
    task.cancel()
    await asyncio.wait([task])


asyncio.run(main())
