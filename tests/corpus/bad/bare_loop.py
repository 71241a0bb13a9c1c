# expect: exit-without-cleanup
# accept: task-destroyed-pending, loop-closed-with-pending-tasks, loop-stopped-with-pending-tasks
# where: relay?
# total: 0.0
# stop: TERM
# silent: relay closed
# shape: sys.exit as the loop's signal handler
# truth: sys.exit in the handler tears run_forever down; the relays are never cancelled and close nothing.
"""Relays bytes with tasks on a bare loop."""
import asyncio
import signal
import sys


async def close(name):
    await asyncio.sleep(0)
    print("relay closed", name, flush=True)


async def relay(name):
    try:
        while True:
            await asyncio.sleep(1.5)  # <- here
    except asyncio.CancelledError:
        await close(name)
        raise


signal.alarm(20)
loop = asyncio.new_event_loop()
relays = [loop.create_task(relay(name)) for name in ("up", "down")]
loop.add_signal_handler(signal.SIGTERM, sys.exit, 0)  # <- or here
print("ready", flush=True)
loop.run_forever()
