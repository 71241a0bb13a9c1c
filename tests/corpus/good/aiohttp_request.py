# expect: none
# stop: TERM
# total: 0.5
# packages: aiohttp
# drive: http GET /, line busy
# answer: HTTP/1.1 200
# shape: aiohttp run_app with an honest request in flight
# truth: The request takes 0.5 s more and is answered within aiohttp's shutdown timeout.
"""An aiohttp application whose answers take half a second."""
import asyncio
import signal
import socket

from aiohttp import web


async def slow(request):
    print("busy", flush=True)
    await asyncio.sleep(0.6)
    return web.Response(text="done", headers={"Connection": "close"})


async def tell(app):
    print("ready", listener.getsockname()[1], flush=True)


signal.alarm(20)
listener = socket.create_server(("127.0.0.1", 0))
app = web.Application()
app.add_routes([web.get("/", slow)])
app.on_startup.append(tell)
web.run_app(app, sock=listener, print=None, access_log=None)
