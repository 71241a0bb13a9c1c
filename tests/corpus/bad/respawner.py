# expect: task-destroyed-pending
# accept: loop-closed-with-pending-tasks
# also: task-created-in-cancel-handler
# where: watch
# total: 0.0
# stop: TERM
# prints: Task was destroyed but it is pending!
# shape: a done callback respawns the cancelled task during the shutdown
# truth: The done callback takes the cancelled watcher for a crashed one and starts another, which is destroyed.
"""Keeps a watcher alive: when it ends, another one is started."""
import asyncio
import signal

watchers = set()


async def watch(number):
    print("watcher", number, flush=True)
    await asyncio.sleep(3600)  # <- here


def spawn(number):
    watcher = asyncio.get_event_loop().create_task(watch(number))  # <- or here
    watchers.add(watcher)
    watcher.add_done_callback(lambda done: (watchers.discard(done), spawn(number + 1)))


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    spawn(1)
    await asyncio.sleep(0)
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
