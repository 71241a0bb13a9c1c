# expect: none
# stop: TERM
# total: 0.0
# packages: websockets
# shape: websockets server without clients
# truth: The server is closed by its context manager, at once.
"""A websocket echo server."""
import asyncio
import signal

import websockets


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with websockets.serve(echo, "127.0.0.1", 0):
        print("ready", flush=True)
        await stop.wait()


asyncio.run(main())
