# truth: One generator is closed by aclosing() when its reader is cancelled, the other by asyncio.run(); both are quick.
# expect: none
# total: 0.1
# stop: TERM
# prints: cursor 1 closed, cursor 2 closed
# shape: async generators with a finally, one abandoned to shutdown_asyncgens(), that takes 10 ms
import asyncio
import contextlib
import signal


@contextlib.asynccontextmanager
async def closing(generator):
    try:
        yield generator
    finally:
        await generator.aclose()


async def cursor(number: int):
    try:
        row = 0
        while True:
            await asyncio.sleep(0.01)
            yield row
            row += 1
    finally:
        await asyncio.sleep(0.01)
        print("cursor", number, "closed", flush=True)


class Reader:
    def __init__(self) -> None:
        self.other = cursor(2)

    async def run(self) -> None:
        await self.other.__anext__()
        async with closing(cursor(1)) as rows:
            async for row in rows:
                if row == 3:
                    print("ready", flush=True)


reader = Reader()


async def main() -> None:
    task = asyncio.ensure_future(reader.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
