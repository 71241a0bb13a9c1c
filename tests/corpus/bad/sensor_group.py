# expect: slow-task
# where: park
# seconds: 0.9
# total: 0.9
# python: 3.11-3.13
# stop: TERM
# shape: TaskGroup
# truth: The task group waits for the actuator, which parks for 0.9 s after it was cancelled.
"""Polls sensors and drives an actuator, in one task group."""
import asyncio
import signal


async def sensor(name):
    while True:
        await asyncio.sleep(0.3)


async def park():
    await asyncio.sleep(0.9)  # <- here


async def actuator():
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await park()


async def main():
    signal.alarm(20)
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with asyncio.TaskGroup() as group:
            for name in ("inlet", "outlet", "tank"):
                group.create_task(sensor(name), name=name)
            group.create_task(actuator(), name="actuator")
            print("ready", flush=True)
    except asyncio.CancelledError:
        print("stopped", flush=True)


asyncio.run(main())
