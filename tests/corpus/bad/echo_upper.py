# expect: task-created-in-cancel-handler
# accept: task-destroyed-pending
# also: loop-closed-with-pending-tasks, unclosed-transport, cancel-swallowed
# where: echo
# mark: create
# total: 0.0
# until: 3.13
# stop: INT
# drive: connect
# grace: 2
# prints: Task was destroyed but it is pending!
# shape: the seed's echo server with one client
# at 3.12-3.13: expect=server-wait-closed; accept=; also=killed, task-created-in-cancel-handler, slow-task; where=main; mark=wait; total=null; exit=KILL; prints=New connection.
# truth: The echo handler creates a task while it is cancelled, which is lost; from 3.12 the server first waits for its client for ever; 3.14 closes its clients.
"""An echo server that answers in capitals."""
import asyncio
import signal
from asyncio import StreamReader, StreamWriter


async def send_event(msg: str):
    await asyncio.sleep(1)  # <- or here:create


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
        asyncio.create_task(send_event(msg))  # <- here:create


async def main(host="127.0.0.1"):
    server = await asyncio.start_server(echo, host, 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    async with server:  # <- or here:wait
        await server.serve_forever()  # <- here:wait


signal.alarm(20)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("Bye!", flush=True)
