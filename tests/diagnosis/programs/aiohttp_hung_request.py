"""An aiohttp server whose request outlives the server's patience (argument 2), beside a task of the user's own."""

import asyncio
import sys

from aiohttp import web


async def metrics():
    await asyncio.sleep(3600)


async def report(request):
    await asyncio.sleep(30)
    return web.Response(text="ok")


async def on_startup(app):
    app["metrics"] = asyncio.create_task(metrics(), name="metrics")
    asyncio.get_running_loop().call_later(0.2, lambda: print("ready", flush=True))


app = web.Application()
app.router.add_get("/", report)
app.on_startup.append(on_startup)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, shutdown_timeout=float(sys.argv[2]))
