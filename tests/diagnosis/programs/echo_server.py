"""An echo server that creates a task while handling CancelledError. Connect one client, then send SIGINT."""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter


async def send_event(msg: str):
    await asyncio.sleep(1)


async def echo(reader: StreamReader, writer: StreamWriter):
    print("New connection.", flush=True)
    try:
        while data := await reader.readline():
            writer.write(data.upper())
            await writer.drain()
        print("Leaving Connection.", flush=True)
    except asyncio.CancelledError:
        msg = "Connection dropped!"
        print(msg, flush=True)
        asyncio.create_task(send_event(msg))  # don't


async def main(host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8888):
    server = await asyncio.start_server(echo, host, port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("Bye!", flush=True)
