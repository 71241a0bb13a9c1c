# truth: The innermost of three nested generators is closed by asyncio.run() only, and releases its lease for 0.9 s.
# expect: slow-asyncgen
# where: leased
# seconds: 0.9
# total: 0.9
# stop: TERM
# shape: a pipeline of three async generators held by an attribute, read by hand with __anext__
import asyncio
import signal


async def leased(shard: int):
    offset = 0
    try:
        while True:
            await asyncio.sleep(0.01)
            yield shard, offset
            offset += 1
    finally:
        await asyncio.sleep(0.9)  # <- here
        print("lease released at", offset, flush=True)


async def parsed(source):
    async for shard, offset in source:
        yield {"shard": shard, "offset": offset}


async def batched(source, size: int):
    batch = []
    async for record in source:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []


class Tail:
    def __init__(self) -> None:
        self.source = leased(3)
        self.batches = batched(parsed(self.source), 2)

    async def next(self) -> list:
        return await self.batches.__anext__()


tail = Tail()


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    for _ in range(3):
        await tail.next()
    print("ready", flush=True)
    await stop.wait()
    print("tail stopped", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
