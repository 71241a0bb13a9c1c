# truth: The nursery is cancelled on SIGTERM, its buffer is written under a short shield, and trio ends.
# expect: none
# total: 0.2
# packages: trio
# stop: TERM
# prints: written
# shape: trio.open_signal_receiver, a shielded cleanup with move_on_after, an idle thread of trio's cache
import signal

import trio


class Station:
    def __init__(self) -> None:
        self.values: list = []

    async def sample(self) -> None:
        try:
            while True:
                await trio.sleep(0.02)
                self.values.append(trio.current_time())
        finally:
            with trio.move_on_after(1) as scope:
                scope.shield = True
                await self.write()

    async def write(self) -> None:
        await trio.sleep(0.05)
        print("written", flush=True)


async def watch(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        print("ready", flush=True)
        async for _ in signals:
            scope.cancel()
            return


async def main() -> None:
    await trio.to_thread.run_sync(int)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Station().sample)
        nursery.start_soon(watch, nursery.cancel_scope)


if __name__ == "__main__":
    signal.alarm(20)
    trio.run(main)
