# expect: none
# stop: TERM
# total: 0.0
# drive: connect send hello
# prints: 1 clients closed
# shape: an echo server that closes its clients
# truth: The server closes its listener and every client's writer, then waits for the handlers.
"""An echo server that remembers its clients."""
import asyncio
import signal

clients = {}


async def echo(reader, writer):
    clients[asyncio.current_task()] = writer
    try:
        while True:
            data = await reader.read(1000)
            if not data:
                break
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()
    for writer in clients.values():
        writer.close()
    await asyncio.gather(*clients, return_exceptions=True)
    await server.wait_closed()
    print(len(clients), "clients closed", flush=True)


asyncio.run(main())
