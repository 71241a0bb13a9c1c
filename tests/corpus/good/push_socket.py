# truth: Closing the websockets server closes its connections with code 1001; the handlers end in milliseconds.
# expect: none
# total: 0.2
# packages: websockets, uvloop
# stop: TERM
# shape: websockets with uvloop, a broadcast task that is cancelled, handlers that see their connection closed
import asyncio
import contextlib
import signal

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import broadcast, serve


class Hub:
    def __init__(self) -> None:
        self.members: set = set()

    async def handler(self, websocket) -> None:
        self.members.add(websocket)
        try:
            await websocket.wait_closed()
        finally:
            self.members.discard(websocket)

    async def announce(self) -> None:
        while True:
            broadcast(self.members, "tick")
            await asyncio.sleep(0.05)


async def member(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}") as websocket:
        await websocket.recv()
        print("ready", flush=True)
        async for _ in websocket:
            pass


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    hub = Hub()
    ticking = asyncio.ensure_future(hub.announce())
    async with serve(hub.handler, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = asyncio.ensure_future(member(port))
        await stop.wait()
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    await client


if __name__ == "__main__":
    signal.alarm(20)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
