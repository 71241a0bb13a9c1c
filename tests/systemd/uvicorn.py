"""Stands in for uvicorn where it is not installed: serves on --port; SIGTERM ends it when its requests have ended.

``/slow`` takes three seconds, everything else none.
"""

import asyncio
import signal
import sys


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    line = await reader.readline()
    if b"/slow" in line:
        await asyncio.sleep(3)
    writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello\n")
    await writer.drain()
    writer.close()


async def main(port: int) -> None:
    requests: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(answer(reader, writer))
        requests.add(task)
        task.add_done_callback(requests.discard)

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(accepted, "127.0.0.1", port)
    await stop.wait()
    server.close()
    while requests:
        await asyncio.wait(requests)


asyncio.run(main(int(sys.argv[sys.argv.index("--port") + 1])))
