# expect: none
# stop: TERM
# total: 0.0
# prints: answer 7
# shape: a unix socket server with a client of its own, both closed
# truth: The client and the server inside the program are closed in order.
"""A unix socket server and its client in one program."""
import asyncio
import os
import signal
import tempfile


async def double(reader, writer):
    writer.write(b"%d\n" % (int(await reader.readline()) * 7))
    await writer.drain()
    writer.close()


async def main(folder):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    path = os.path.join(folder, "s")
    server = await asyncio.start_unix_server(double, path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"1\n")
    print("answer", (await reader.readline()).decode().strip(), flush=True)
    writer.close()
    await writer.wait_closed()
    print("ready", flush=True)
    await stop.wait()
    server.close()
    await server.wait_closed()


signal.alarm(20)
with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(folder))
