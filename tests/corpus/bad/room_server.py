# truth: When the server closes, the room's handler saves its history for 0.9 s, for which the server waits.
# expect: slow-task
# where: persist
# seconds: 0.9
# total: 0.95
# packages: websockets
# stop: TERM
# shape: a websockets handler that is not cancelled: its connection is closed under it, and its finally is slow
import asyncio
import contextlib
import signal

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


class Room:
    def __init__(self, name: str) -> None:
        self.name = name
        self.history: list = []

    async def handler(self, websocket) -> None:
        try:
            async for message in websocket:
                self.history.append(message)
                await websocket.send("ok")
        finally:
            await self.persist()

    async def persist(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0.3)  # <- here
        print("saved", len(self.history), flush=True)


async def visitor(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}") as websocket:
        await websocket.send("hello")
        await websocket.recv()
        print("ready", flush=True)
        with contextlib.suppress(Exception):
            await websocket.recv()


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    room = Room("lobby")
    async with serve(room.handler, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        guest = asyncio.ensure_future(visitor(port))
        await stop.wait()
    await guest


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
