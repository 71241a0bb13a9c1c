# expect: none
# stop: INT
# total: 0.0
# prints: cancelled!
# shape: the seed's coroutine that catches CancelledError and returns at once
# truth: The coroutine returns normally after cancel(): harmless, it does not go on.
"""A coroutine that handles CancelledError and returns."""
import asyncio
import signal


async def f():
    try:
        while True:
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        print("cancelled!", flush=True)
    else:
        return 123


signal.alarm(20)
print("ready", flush=True)
try:
    asyncio.run(f())
except KeyboardInterrupt:
    print("KeyboardInterrupt", flush=True)
