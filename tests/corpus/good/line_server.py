# expect: none
# stop: TERM
# total: 0.3
# drive: connect send job, line busy
# prints: client served
# shape: a server whose handlers end by themselves
# truth: The client's request takes 0.3 s more; its handler then closes the connection and the server is done.
"""Serves one request for each connection and finishes those it has."""
import asyncio
import signal


async def serve(reader, writer):
    await reader.readline()
    print("busy", flush=True)
    await asyncio.sleep(0.4)
    writer.write(b"done\n")
    await writer.drain()
    writer.close()
    print("client served", flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    handlers = set()

    async def tracked(reader, writer):
        handlers.add(asyncio.current_task())
        await serve(reader, writer)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()
    await asyncio.gather(*handlers)
    await server.wait_closed()


asyncio.run(main())
