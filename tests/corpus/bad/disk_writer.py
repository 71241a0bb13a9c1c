# expect: loop-blocked
# also: non-daemon-thread
# where: aclose
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: written
# shape: thread.join() in a coroutine
# truth: The coroutine joins the writer thread, which needs 0.9 s for its last block; the loop stands still.
"""Writes blocks with a thread of its own."""
import asyncio
import queue
import signal
import threading
import time


class Writer:
    def __init__(self):
        self.blocks = queue.Queue()
        self.thread = threading.Thread(target=self.work, name="disk-writer")
        self.thread.start()

    def work(self):
        while self.blocks.get() is not None:
            pass
        time.sleep(0.9)  # <- or here
        print("written", flush=True)

    async def aclose(self):
        self.blocks.put(None)
        self.thread.join()  # <- here


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    writer = Writer()
    writer.blocks.put(b"block")
    print("ready", flush=True)
    await stop.wait()
    await writer.aclose()


asyncio.run(main())
