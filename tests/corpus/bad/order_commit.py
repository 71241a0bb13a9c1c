# expect: shielded-work-cut
# where: commit
# total: 0.0
# stop: TERM
# prints: order cancelled
# silent: committed
# shape: asyncio.shield around the work, the waiter is cancelled
# truth: shield() saves the commit from the handler's cancellation, but asyncio.run cancels it a moment later.
"""Commits orders; a commit must not be interrupted."""
import asyncio
import signal


async def commit(order):
    await asyncio.sleep(1.5)  # <- here
    print("committed", order, flush=True)


async def handle(order):
    try:
        await asyncio.shield(commit(order))  # <- or here
    except asyncio.CancelledError:
        print("order cancelled", order, flush=True)
        raise


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    handler = asyncio.create_task(handle(4711))
    print("ready", flush=True)
    await stop.wait()
    handler.cancel()
    await asyncio.gather(handler, return_exceptions=True)


asyncio.run(main())
