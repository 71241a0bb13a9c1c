# truth: On its cancellation the session creates a task to say good-bye, and awaits it before it ends.
# expect: none
# total: 0.15
# stop: INT
# prints: told bob, told eve
# shape: create_task in an except clause and another in a finally, both awaited; SIGINT
import asyncio
import signal


async def tell(friend: str) -> None:
    await asyncio.sleep(0.05)
    print("told", friend, flush=True)


class Session:
    def __init__(self, friends: list) -> None:
        self.friends = friends

    async def run(self) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            goodbye = asyncio.ensure_future(tell(self.friends[0]))
            await goodbye
            raise
        finally:
            rest = [asyncio.ensure_future(tell(friend)) for friend in self.friends[1:]]
            await asyncio.gather(*rest)


async def main() -> None:
    session = asyncio.ensure_future(Session(["bob", "eve"]).run())
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await session


if __name__ == "__main__":
    signal.alarm(20)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("lobby closed", flush=True)
