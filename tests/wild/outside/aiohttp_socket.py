"""run_app() of aiohttp waits 60 s for the handlers of open web sockets; the application keeps no list of them and
has no on_shutdown that closes them.

https://github.com/aio-libs/aiohttp/issues/3192
"""

# RUN: {py} {file} {port}
# READY: Running on
# CLIENT: {py} helpers/socket_client.py {port} /chat
# TAKES: 2.9
import sys

from aiohttp import web


async def chat(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:  # <- here
        await socket.send_str(message.data)
    return socket


app = web.Application()
app.router.add_get("/chat", chat)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
