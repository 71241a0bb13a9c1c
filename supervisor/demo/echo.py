"""An echo server that makes a task while it is being cancelled. asyncio.run no longer waits for that one: its
"Connection dropped" is never sent, and Python prints "Task was destroyed but it is pending!"."""

import asyncio


async def announce(text: str) -> None:
    await asyncio.sleep(1)
    print("echo:", text, flush=True)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
    except asyncio.CancelledError:
        asyncio.create_task(announce("connection dropped"))
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    print("echo: a client said hello, answered", (await reader.readline()).decode().strip(), flush=True)
    try:
        await asyncio.Event().wait()  # not serve_forever(): from 3.12.1 on it waits for clients, another fault
    finally:
        writer.close()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("echo: bye", flush=True)
