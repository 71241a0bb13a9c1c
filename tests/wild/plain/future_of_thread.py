"""A thread sets the result of an asyncio future directly. That schedules the waiting task and does not wake the loop,
which sleeps in epoll: the shutdown, which awaits the answer, goes on when something else happens to wake the loop.

https://github.com/agronholm/apscheduler/issues/437
"""

# LADDER: TERM/0.7/KILL
# TAKES: 0.5
import asyncio
import signal
import threading
import time


def deregister(answer):
    time.sleep(0.1)  # asks the registry
    answer.set_result("gone")  # <- or here


async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    answer = loop.create_future()
    threading.Thread(target=deregister, args=(answer,), name="registry").start()
    print("told", await answer, flush=True)  # <- here


asyncio.run(main())
