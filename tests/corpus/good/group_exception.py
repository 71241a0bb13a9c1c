# expect: none
# stop: TERM
# total: 0.0
# python: 3.11-3.13
# shape: TaskGroup ended by a private exception (the documented recipe)
# truth: A task raises an exception of the program's own to end the group, which is caught with except*.
"""A task group that is ended by a task of its own."""
import asyncio
import signal


class Terminate(Exception):
    pass


async def terminate_on(event):
    await event.wait()
    raise Terminate


async def job(seconds):
    while True:
        await asyncio.sleep(seconds)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job(0.5))
            group.create_task(job(1.0))
            group.create_task(terminate_on(stop))
            print("ready", flush=True)
    except* Terminate:
        pass


asyncio.run(main())
