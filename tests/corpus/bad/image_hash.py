# truth: anyio's to_thread.run_sync() cannot be cancelled: the scope waits 1.2 s more for the hash in its thread.
# expect: executor-busy
# where: digest
# seconds: 1.2
# total: 1.2
# packages: anyio
# stop: TERM
# shape: anyio's own worker threads, a task group cancelled by open_signal_receiver
import signal
import time

import anyio
import anyio.to_thread


class Hasher:
    def __init__(self, blocks: int) -> None:
        self.blocks = blocks

    def digest(self, path: str) -> str:
        for _ in range(self.blocks):
            time.sleep(0.1)  # <- here
        return path

    async def hash(self, path: str) -> None:
        result = await anyio.to_thread.run_sync(self.digest, path)
        print("hashed", result, flush=True)


async def stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        print("ready", flush=True)
        async for _ in signals:
            scope.cancel()
            return


async def main() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(stop_on_signal, group.cancel_scope)
        group.start_soon(Hasher(13).hash, "photo.raw")
    print("group left", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    anyio.run(main)
