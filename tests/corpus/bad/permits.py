# expect: waits-for-nobody
# accept: slow-task
# also: killed
# where: close
# exit: KILL
# stop: TERM
# grace: 2
# silent: all permits back
# shape: a semaphore whose holder was cancelled without giving it back, killed
# truth: A cancelled upload never gives its permit back, and close() wants all permits.
"""Uploads with at most two at a time; closes when all permits are back."""
import asyncio
import signal


class Uploader:
    def __init__(self):
        self.permits = asyncio.Semaphore(2)

    async def upload(self, name):
        await self.permits.acquire()
        await asyncio.sleep(15)
        self.permits.release()

    async def close(self):
        for _ in range(2):
            await self.permits.acquire()  # <- here
        print("all permits back", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    uploader = Uploader()
    upload = asyncio.create_task(uploader.upload("a"))
    print("ready", flush=True)
    await stop.wait()
    upload.cancel()
    await uploader.close()


asyncio.run(main())
