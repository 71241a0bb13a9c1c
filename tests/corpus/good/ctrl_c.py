# expect: none
# stop: INT
# total: 0.0
# prints: interrupted, connection closed
# shape: KeyboardInterrupt around asyncio.run, stopped by SIGINT
# truth: SIGINT cancels main (or interrupts it before 3.11), whose finally block runs.
"""A script that is meant to be ended by Ctrl-C."""
import asyncio
import signal


async def main():
    try:
        while True:
            await asyncio.sleep(1)
    finally:
        print("connection closed", flush=True)


signal.alarm(20)
try:
    print("ready", flush=True)
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
