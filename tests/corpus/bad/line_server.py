# expect: server-wait-closed
# also: slow-task, unclosed-transport, killed
# where: main
# exit: KILL
# python: 3.12-3.13
# until: 3.13
# stop: TERM
# drive: connect
# grace: 2
# silent: bye
# shape: serve_forever cancelled with a client connected, killed
# truth: The server's wait_closed() waits for a client that stays connected; its handler is never told to end.
"""Greets clients, line by line."""
import asyncio
import signal


async def greet(reader, writer):
    async for line in reader:
        writer.write(b"hello " + line)
        await writer.drain()
    writer.close()


async def main():
    signal.alarm(20)
    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    try:
        async with server:  # <- or here
            await server.serve_forever()  # <- here
    except asyncio.CancelledError:
        print("bye", flush=True)


asyncio.run(main())
