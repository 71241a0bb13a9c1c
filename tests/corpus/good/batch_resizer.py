# truth: anyio's scope is cancelled; the one job in a thread ends 0.4 s later, which its task waits for, and the rest at once.
# expect: none
# total: 0.5
# packages: anyio
# stop: TERM
# shape: anyio worker threads: an idle one and one with half a second of honest work
import signal
import time

import anyio
import anyio.to_thread


def resize(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


class Resizer:
    async def run(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, resize, 0.01)
            group.start_soon(anyio.to_thread.run_sync, resize, 0.02)
        print("ready", flush=True)
        await anyio.to_thread.run_sync(resize, 0.5)
        await anyio.sleep(60)


async def watch(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            break


async def main() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(watch, group.cancel_scope)
        await Resizer().run()


if __name__ == "__main__":
    signal.alarm(20)
    anyio.run(main)
