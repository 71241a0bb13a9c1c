# expect: none
# stop: TERM
# total: 0.0
# packages: trio
# prints: nursery empty
# shape: trio nursery and signal receiver
# truth: The signal cancels the nursery; everything ends at once.
"""A ticker under trio."""
import signal

import trio


async def tick():
    while True:
        await trio.sleep(0.3)


async def main():
    signal.alarm(20)
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick)
            print("ready", flush=True)
            async for _ in signals:
                nursery.cancel_scope.cancel()
    print("nursery empty", flush=True)


trio.run(main)
