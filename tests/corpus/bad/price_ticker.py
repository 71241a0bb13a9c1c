# expect: cancel-swallowed
# also: slow-task, killed
# where: ticker
# exit: KILL
# stop: TERM
# grace: 2
# prints: tick failed
# silent: bye
# shape: bare except in an endless loop, cancelled by asyncio.run, killed
# truth: The bare except takes CancelledError too, so the ticker never ends and asyncio.run waits for ever.
"""Publishes a price several times a second."""
import asyncio
import signal


async def publish(price):
    await asyncio.sleep(0.2)  # <- or here


async def ticker():
    price = 100
    while True:
        try:
            await publish(price)  # <- or here
            price += 1
        except:  # <- here
            print("tick failed", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(ticker())  # noqa: F841 - a reference
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
print("bye", flush=True)
