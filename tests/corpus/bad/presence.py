# expect: task-created-in-cancel-handler
# accept: task-destroyed-pending
# also: loop-closed-with-pending-tasks
# where: session
# total: 0.0
# stop: TERM
# prints: Task was destroyed but it is pending!
# silent: announced
# shape: create_task in except CancelledError, cancelled by asyncio.run
# truth: A leaving user is announced by a task created while being cancelled; nobody waits for it, it is lost.
"""Tracks who is online and announces who leaves."""
import asyncio
import signal


async def announce(user, state):
    await asyncio.sleep(0.2)  # <- or here
    print("announced", user, state, flush=True)


async def session(user):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        asyncio.create_task(announce(user, "offline"))  # <- here
        raise


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sessions = [asyncio.create_task(session("ann"))]
    print("ready", len(sessions), flush=True)
    await stop.wait()


asyncio.run(main())
