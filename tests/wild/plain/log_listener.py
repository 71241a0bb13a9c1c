"""The shutdown waits until the log queue is empty and then joins the listening thread, which loops over the queue for
ever: nothing ever tells it to end.

https://github.com/PostHog/posthog/pull/26087
"""

# LADDER: TERM/0.7/KILL
# TAKES: 0.6
# LOST: listener is gone
import asyncio
import queue
import signal
import threading

records = queue.Queue()


def listen():
    while True:
        record = records.get()  # <- or here
        print(record, flush=True)
        records.task_done()


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    listener = threading.Thread(target=listen, name="listener", daemon=True)
    listener.start()
    print("ready", flush=True)
    await stop.wait()
    records.put("bye")
    await asyncio.to_thread(records.join)
    await asyncio.to_thread(listener.join)  # <- here
    print("listener is gone", flush=True)


asyncio.run(main())
