# truth: One booking rolls back for 0.9 s while it holds the connection's lock; the other two wait for the lock only.
# expect: slow-task
# where: rollback
# seconds: 0.9
# total: 0.95
# stop: TERM
# shape: three cancelled tasks want one lock in their cleanup; the one that holds it is the slow one
import asyncio
import contextlib
import signal


class Connection:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    async def execute(self, statement: str, cost: float = 0.01) -> None:
        await asyncio.sleep(cost)

    async def rollback(self, size: int) -> None:
        for _ in range(size):
            await asyncio.sleep(0.3)  # <- here

    @contextlib.asynccontextmanager
    async def transaction(self, size: int):
        async with self.lock:
            await self.execute("BEGIN")
            try:
                yield self
            except BaseException:
                await self.rollback(size)
                raise
            await self.execute("COMMIT")


class Booking:
    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self.connection = connection

    async def run(self) -> None:
        try:
            async with self.connection.transaction(size=3):
                await asyncio.sleep(60)
        finally:
            async with self.connection.lock:
                await self.connection.execute("DELETE FROM claims")


async def main() -> None:
    connection = Connection()
    tasks = [asyncio.ensure_future(Booking(name, connection).run()) for name in ("rent", "fees", "wages")]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
