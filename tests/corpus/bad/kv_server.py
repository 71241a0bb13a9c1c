# expect: server-wait-closed
# accept: slow-task
# where: main
# seconds: 1.0
# total: 1.0
# python: 3.12-3.13
# stop: TERM
# drive: connect, hangup 1.0
# prints: closed
# shape: server.close(); await server.wait_closed(), the client leaves after 1 s
# truth: wait_closed() waits 1.0 s, until the connected client hangs up by itself.
"""A tiny key-value server."""
import asyncio
import signal

store = {}


async def serve(reader, writer):
    while True:
        line = await reader.readline()
        if not line:
            break
        key, _, value = line.decode().strip().partition("=")
        store[key] = value
    writer.close()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()
    await server.wait_closed()  # <- here
    print("closed", flush=True)


asyncio.run(main())
