# expect: executor-outlives-loop
# accept: executor-busy
# where: resize
# seconds: 1.2
# total: 1.2
# packages: aiohttp
# stop: TERM
# drive: http GET /resize, answered
# grace: 2.1
# answer: HTTP/1.1 202
# prints: resized
# shape: aiohttp, executor work without an awaiter
# truth: aiohttp's run_app never shuts the default executor down: the resize ends 1.2 s after the loop.
"""An aiohttp service that resizes pictures in the background."""
import asyncio
import signal
import socket
import time

from aiohttp import web


def resize(name):
    time.sleep(1.3)  # <- here
    print("resized", name, flush=True)


async def start_resize(request):
    asyncio.get_running_loop().run_in_executor(None, resize, "cat.png")
    return web.Response(status=202, headers={"Connection": "close"})


async def tell(app):
    print("ready", app["port"], flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    app = web.Application()
    app["port"] = listener.getsockname()[1]
    app.router.add_get("/resize", start_resize)
    app.on_startup.append(tell)
    web.run_app(app, sock=listener, print=None, access_log=None)
