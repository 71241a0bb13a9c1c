"""GOOD: as aiohttp_socket, with an on_shutdown that closes the sockets."""

# RUN: {py} {file} {port}
# READY: Running on
# CLIENT: {py} helpers/socket_client.py {port} /chat
import sys

from aiohttp import WSCloseCode, web

sockets = web.AppKey("sockets", set)


async def chat(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    request.app[sockets].add(socket)
    try:
        async for message in socket:
            await socket.send_str(message.data)
    finally:
        request.app[sockets].discard(socket)
    return socket


async def close(app):
    for socket in set(app[sockets]):
        await socket.close(code=WSCloseCode.GOING_AWAY)


app = web.Application()
app[sockets] = set()
app.router.add_get("/chat", chat)
app.on_shutdown.append(close)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
