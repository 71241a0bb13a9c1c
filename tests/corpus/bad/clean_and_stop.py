# expect: loop-stopped-with-pending-tasks
# accept: loop-closed-with-pending-tasks
# also: task-destroyed-pending
# where: sig_handler
# total: 0.0
# stop: TERM
# prints: loop closed, Task was destroyed but it is pending!
# shape: the seed's loop.stop() with one more task
# truth: The handler stops the loop while the worker task is pending; it is never cancelled, only destroyed.
"""A signal handler that cleans up and stops the loop."""
import asyncio
import signal


async def worker():
    try:
        while True:
            await asyncio.sleep(0.2)  # <- or here
    finally:
        print("worker cleaned up", flush=True)


async def sig_handler(loop):
    print("clean up all the things", flush=True)
    loop.stop()  # <- here


def main():
    loop = asyncio.new_event_loop()
    for sig in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sig, lambda l: l.create_task(sig_handler(l)), loop)
    background = loop.create_task(worker(), name="background")  # noqa: F841 - keeps the task alive
    loop.call_soon(lambda: print("ready", flush=True))
    try:
        loop.run_forever()
    finally:
        loop.close()
        print("loop closed", flush=True)


signal.alarm(20)
main()
