# expect: none
# stop: TERM
# total: 0.0
# packages: aiohttp
# prints: site stopped
# drive: http GET /ping, answered
# answer: HTTP/1.1 200
# shape: aiohttp AppRunner in a program's own loop, with a client session
# truth: The runner and the client session are closed in order, at once.
"""A small proxy: an aiohttp server and a client session."""
import asyncio
import signal

import aiohttp
from aiohttp import web


async def ping(request):
    return web.Response(text="pong", headers={"Connection": "close"})


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    app = web.Application()
    app.router.add_get("/ping", ping)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        async with session.get("http://127.0.0.1:%d/ping" % port) as answer:
            await answer.text()
        print("ready", port, flush=True)
        await stop.wait()
    await runner.cleanup()
    print("site stopped", flush=True)


asyncio.run(main())
