# expect: none
# stop: TERM
# total: 0.0
# packages: aiohttp
# prints: cleaned up
# drive: http GET /, answered
# answer: HTTP/1.1 200
# shape: aiohttp run_app with a cleanup context
# truth: run_app ends at once; the cleanup context cancels its refresher.
"""An aiohttp application with a background refresher."""
import asyncio
import contextlib
import signal
import socket

from aiohttp import web


async def refresher(app):
    async def refresh():
        while True:
            await asyncio.sleep(0.5)

    task = asyncio.create_task(refresh())
    print("ready", listener.getsockname()[1], flush=True)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    print("cleaned up", flush=True)


async def home(request):
    return web.Response(text="hello", headers={"Connection": "close"})


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    app = web.Application()
    app.router.add_get("/", home)
    app.cleanup_ctx.append(refresher)
    web.run_app(app, sock=listener, print=None, access_log=None)
