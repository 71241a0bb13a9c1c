# expect: none
# stop: TERM
# total: 0.4
# packages: anyio
# prints: read
# shape: anyio.to_thread with short honest work
# truth: The thread ends its read in 0.4 s, well inside the grace period.
"""Reads a file in a thread when it is asked to, with anyio."""
import signal
import time

import anyio
import anyio.to_thread


def read():
    print("ready", flush=True)
    time.sleep(0.5)
    print("read", flush=True)


async def watch(scope):
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def main():
    signal.alarm(20)
    async with anyio.create_task_group() as group:
        group.start_soon(watch, group.cancel_scope)
        await anyio.sleep(0.05)
        while True:
            await anyio.to_thread.run_sync(read)


anyio.run(main)
