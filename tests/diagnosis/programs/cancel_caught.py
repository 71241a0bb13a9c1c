"""A coroutine that handles CancelledError and returns: SIGINT cancels it, SIGTERM finds no handler."""

import asyncio


async def f():
    try:
        while True:
            await asyncio.sleep(0)  # sleep(0) makes the loop cancellable
    except asyncio.CancelledError:
        print("cancelled!", flush=True)
    else:
        return 123


print("ready", flush=True)
try:
    asyncio.run(f())
except KeyboardInterrupt:
    print("KeyboardInterrupt", flush=True)
