"""Does everything right: consumers finish their item and are awaited, the pool is idle, the thread a daemon."""

import asyncio
import contextlib
import signal
import threading
import time


async def consume(queue):
    while True:
        await queue.get()
        await asyncio.sleep(0.2)
        queue.task_done()


async def main():
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    await loop.run_in_executor(None, time.sleep, 0.01)
    queue = asyncio.Queue()
    task = asyncio.create_task(consume(queue), name="consume")
    queue.put_nowait("item")
    await asyncio.sleep(0)
    print("ready", flush=True)
    await stop.wait()
    await queue.join()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


asyncio.run(main())
