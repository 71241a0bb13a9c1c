# expect: cancel-swallowed
# also: slow-task
# where: visit_all
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: visited 4
# shape: contextlib.suppress(BaseException), ends by itself
# truth: suppress(BaseException) eats the cancellation in the first room; the other three are visited, 0.3 s each.
"""Visits chat rooms one after the other; a room that fails is skipped."""
import asyncio
import contextlib
import signal

ROOMS = {"lobby": 15, "dev": 0.3, "ops": 0.3, "random": 0.3}


async def read_history(room):
    await asyncio.sleep(ROOMS[room])  # <- or here


async def visit_all():
    seen = 0
    for room in ROOMS:
        with contextlib.suppress(BaseException):  # <- here
            await read_history(room)  # <- or here
        seen += 1
    print("visited", seen, flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    visitor = asyncio.ensure_future(visit_all())  # noqa: F841 - a reference
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
