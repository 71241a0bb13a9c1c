# expect: killed
# accept: slow-task, waits-for-nobody
# where: work?
# exit: KILL
# stop: TERM
# grace: 2
# prints: stop requested
# shape: the handler ran, nobody looks at its event
# truth: The handler sets an event that no task awaits or tests, so the work simply goes on.
"""Works through jobs; the stop event was forgotten when the loop was rewritten."""
import asyncio
import signal


class Worker:
    def __init__(self):
        self.stop = asyncio.Event()

    def request_stop(self):
        print("stop requested", flush=True)
        self.stop.set()

    async def work(self):
        while True:
            await asyncio.sleep(0.3)  # <- here


async def main():
    signal.alarm(20)
    worker = Worker()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.request_stop)
    print("ready", flush=True)
    await worker.work()


asyncio.run(main())
