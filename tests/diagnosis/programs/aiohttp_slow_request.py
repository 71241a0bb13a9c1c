"""An aiohttp server with a slow request in flight and a slow cleanup."""

import asyncio
import sys

from aiohttp import web


async def handler(request):
    await asyncio.sleep(1.0)
    return web.Response(text="ok")


async def on_cleanup(app):
    await asyncio.sleep(0.3)


async def on_startup(app):
    asyncio.get_running_loop().call_later(0.2, lambda: print("ready", flush=True))


app = web.Application()
app.router.add_get("/", handler)
app.on_cleanup.append(on_cleanup)
app.on_startup.append(on_startup)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
