# expect: no-signal-handler
# where: replicate
# total: 0.0
# exit: -15
# stop: TERM
# silent: saved
# shape: only KeyboardInterrupt is handled
# truth: The program cleans up on Ctrl-C only; SIGTERM kills it in the middle of a page.
"""Replicates pages and saves its position on Ctrl-C."""
import asyncio
import signal

position = 0


async def replicate():
    global position
    while True:
        await asyncio.sleep(5)  # <- here
        position += 1


signal.alarm(20)
try:
    print("ready", flush=True)
    asyncio.run(replicate())
except KeyboardInterrupt:
    print("saved", position, flush=True)
