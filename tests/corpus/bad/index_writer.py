# expect: executor-busy
# accept: slow-task
# where: write_index
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: index written
# shape: executor work begun in the cleanup
# truth: The indexer's finally block writes the index in a thread, 0.9 s, begun after the stop request.
"""Indexes documents and writes the index at the end."""
import asyncio
import signal
import time


def write_index(words):
    time.sleep(0.9)  # <- here
    print("index written", words, flush=True)


async def index():
    words = 0
    try:
        while True:
            await asyncio.sleep(0.1)
            words += 100
    finally:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, write_index, words)  # <- or here


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(index())
    print("ready", flush=True)
    await stop.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


asyncio.run(main())
