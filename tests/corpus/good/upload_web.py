# truth: aiohttp lets the request in flight end, which takes half a second, answers it, and leaves.
# expect: none
# total: 0.6
# packages: aiohttp
# stop: TERM
# drive: http GET /thumb, line started
# answer: HTTP/1.1 200
# shape: honest work in an aiohttp handler, with a client session closed in a cleanup context
import asyncio
import signal
import socket

import aiohttp
from aiohttp import web


async def session(app: web.Application):
    async with aiohttp.ClientSession() as client:
        app["client"] = client
        yield


async def thumb(request: web.Request) -> web.Response:
    print("started", flush=True)
    await asyncio.sleep(0.6)
    return web.Response(text="thumb", headers={"Connection": "close"})


def build(port: int) -> web.Application:
    async def announce(app: web.Application) -> None:
        asyncio.get_running_loop().call_later(0.2, lambda: print("ready", port, flush=True))

    app = web.Application()
    app.router.add_get("/thumb", thumb)
    app.cleanup_ctx.append(session)
    app.on_startup.append(announce)
    return app


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    web.run_app(build(listener.getsockname()[1]), sock=listener, print=None)
