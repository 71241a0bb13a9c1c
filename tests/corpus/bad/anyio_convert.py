# expect: executor-busy
# accept: slow-task
# where: convert
# seconds: 1.2
# total: 1.2
# packages: anyio
# stop: TERM
# grace: 2
# prints: converted
# shape: anyio.to_thread, not cancellable
# truth: anyio waits for the thread even when its task was cancelled; the conversion takes another 1.2 s.
"""Converts files in threads, with anyio."""
import signal
import time

import anyio
import anyio.to_thread


def convert(name):
    print("ready", flush=True)
    time.sleep(1.3)  # <- here
    print("converted", name, flush=True)


async def watch_signals(scope):
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def main():
    signal.alarm(20)
    async with anyio.create_task_group() as group:
        group.start_soon(watch_signals, group.cancel_scope)
        await anyio.sleep(0.05)
        await anyio.to_thread.run_sync(convert, "talk.wav")  # <- or here
        group.cancel_scope.cancel()


anyio.run(main)
