# expect: task-created-in-cancel-handler
# where: deliver
# total: 0.0
# stop: TERM
# prints: deliverer stopped
# silent: put back
# shape: create_task in except CancelledError, the new task is cancelled before its first step
# truth: The message is put back by a task made while being cancelled; asyncio.run cancels it before it begins.
"""Delivers messages; one that was not delivered is put back."""
import asyncio
import signal


async def put_back(message):  # <- or here
    await asyncio.sleep(0.05)  # <- or here
    print("put back", message, flush=True)


async def deliver(message):
    try:
        await asyncio.sleep(15)
    except asyncio.CancelledError:
        loop = asyncio.get_event_loop()
        loop.create_task(put_back(message))  # <- here
        print("deliverer stopped", flush=True)
        raise


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    deliverer = asyncio.create_task(deliver("invoice 7"))
    print("ready", flush=True)
    await stop.wait()
    deliverer.cancel()
    await asyncio.wait([deliverer])


asyncio.run(main())
