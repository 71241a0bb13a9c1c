"""Handles CancelledError and returns: SIGINT ends it in order, SIGTERM finds no handler. Runs on Python 3.8."""

import asyncio


async def serve():
    print("ready", flush=True)
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("cancelled, returning", flush=True)


try:
    asyncio.run(serve())
except KeyboardInterrupt:
    print("interrupted", flush=True)
