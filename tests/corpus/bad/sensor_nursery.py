# truth: trio knows SIGINT only: SIGTERM ends the collector at once, and what it has buffered is never written.
# expect: no-signal-handler
# total: 0.05
# exit: -15
# packages: trio
# stop: TERM
# silent: written
# shape: a trio nursery that was written for Ctrl-C, asked to stop by SIGTERM
import signal

import trio


class Buffer:
    def __init__(self) -> None:
        self.values: list = []

    def flush(self) -> None:
        print("written", len(self.values), flush=True)


async def sample(buffer: Buffer, period: float) -> None:
    while True:
        await trio.sleep(period)
        buffer.values.append(trio.current_time())


async def main() -> None:
    buffer = Buffer()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sample, buffer, 0.01)
            nursery.start_soon(sample, buffer, 0.03)
            await trio.sleep(0.1)
            print("ready", flush=True)
            await trio.sleep_forever()
    finally:
        buffer.flush()


if __name__ == "__main__":
    signal.alarm(20)
    try:
        trio.run(main)
    except KeyboardInterrupt:
        pass
