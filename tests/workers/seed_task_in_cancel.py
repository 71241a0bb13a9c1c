"""An echo server whose connections start a task while they are being cancelled. ``ready PORT``; one client is wanted.

From Python 3.12 on the server also waits for its connections (python/cpython#123720), so one SIGINT is not enough.
"""

import asyncio


async def say_goodbye():
    await asyncio.sleep(0.5)


async def echo(reader, writer):
    print("connected", flush=True)
    try:
        while True:
            data = await reader.readline()
            if not data:
                break
            writer.write(data)
            await writer.drain()
    except asyncio.CancelledError:
        asyncio.get_running_loop().create_task(say_goodbye())  # the fault: nobody will ever run it


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
