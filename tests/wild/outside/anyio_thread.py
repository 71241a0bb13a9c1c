"""Cancelling a task group waits for a function that runs in a worker thread of anyio: a thread cannot be
cancelled, and nobody said abandon_on_cancel=True.

https://github.com/agronholm/anyio/issues/310
"""

# TAKES: 2.9
import signal
import time

import anyio


def convert():
    print("ready", flush=True)
    time.sleep(20)  # <- here


async def main():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, convert)
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                group.cancel_scope.cancel()


anyio.run(main)
