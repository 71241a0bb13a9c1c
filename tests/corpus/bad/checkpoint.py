# expect: shielded-work-cut
# also: slow-task
# where: write
# total: 0.3
# stop: TERM
# prints: not waiting any longer
# silent: checkpoint written
# shape: shield in wait_for, given up
# truth: main waits 0.3 s for the shielded checkpoint, gives up, and the end of asyncio.run cuts it.
"""Writes a checkpoint when it is told to stop, but does not wait long."""
import asyncio
import signal


class Checkpoint:
    def __init__(self, state):
        self.state = state

    async def write(self):
        await asyncio.sleep(1.2)  # <- here
        print("checkpoint written", flush=True)


async def close(checkpoint):
    writing = asyncio.ensure_future(checkpoint.write())
    try:
        await asyncio.wait_for(asyncio.shield(writing), timeout=0.3)  # <- or here
    except asyncio.TimeoutError:
        print("not waiting any longer", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await close(Checkpoint({"step": 12}))


asyncio.run(main())
