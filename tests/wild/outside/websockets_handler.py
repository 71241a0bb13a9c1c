"""Leaving websockets.serve() closes the connections and waits for their handlers; a handler that pushes prices
and never looks at its socket learns nothing of it.

https://github.com/python-websockets/websockets/issues/394
"""

# RUN: {py} {file} {port}
# CLIENT: {py} helpers/socket_client.py {port} /
# TAKES: 2.9
import asyncio
import signal
import sys

from websockets.asyncio.server import serve


async def prices(socket):
    await socket.send("first")
    await asyncio.sleep(20)  # <- here
    await socket.send("second")


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serve(prices, "127.0.0.1", int(sys.argv[1])):  # <- or here
        print("ready", flush=True)
        await stop.wait()


asyncio.run(main())
