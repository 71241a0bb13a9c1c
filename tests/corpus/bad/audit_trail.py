# expect: task-created-in-cancel-handler
# accept: task-destroyed-pending
# also: loop-closed-with-pending-tasks
# where: handle
# total: 0.0
# stop: TERM
# prints: Task was destroyed but it is pending!
# silent: audited
# shape: ensure_future in finally, cancelled by asyncio.run
# truth: The finally block starts the audit record in a task of its own, which the closing loop abandons.
"""Handles orders; each ends with an audit record, whatever happens."""
import asyncio
import signal


class Audit:
    async def write(self, order):
        await asyncio.sleep(0.1)  # <- or here
        print("audited", order, flush=True)


async def handle(order, audit):
    try:
        await asyncio.sleep(12)
    finally:
        asyncio.ensure_future(audit.write(order))  # <- here


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    for number in (1, 2):
        asyncio.ensure_future(handle(number, Audit()))
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
