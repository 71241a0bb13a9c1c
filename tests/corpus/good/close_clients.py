# expect: none
# stop: TERM
# total: 0.0
# python: 3.13
# drive: connect
# shape: Server.close_clients() of 3.13
# truth: close_clients() ends the connection, so that wait_closed() returns at once.
"""An upper-case server for Python 3.13."""
import asyncio
import signal


async def upper(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await asyncio.start_server(upper, "127.0.0.1", 0) as server:
        print("ready", server.sockets[0].getsockname()[1], flush=True)
        await stop.wait()
        server.close()
        server.close_clients()


asyncio.run(main())
