# expect: slow-task
# where: say_goodbye
# seconds: 0.8
# total: 0.8
# packages: uvloop
# stop: TERM
# prints: goodbye
# shape: uvloop
# truth: Each relay says goodbye to its upstream for 0.8 s in its finally block, all at the same time.
"""Relays messages between rooms, on uvloop."""
import asyncio
import signal

import uvloop


async def say_goodbye(room):
    await asyncio.sleep(0.8)  # <- here
    print("goodbye", room, flush=True)


async def relay(room):
    try:
        while True:
            await asyncio.sleep(0.4)
    finally:
        await say_goodbye(room)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    relays = [asyncio.create_task(relay(room)) for room in ("red", "blue")]
    print("ready", flush=True)
    await stop.wait()
    for task in relays:
        task.cancel()
    await asyncio.gather(*relays, return_exceptions=True)


signal.alarm(20)
uvloop.install()
asyncio.run(main())
