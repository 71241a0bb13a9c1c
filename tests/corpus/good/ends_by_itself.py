# expect: none
# stop: none
# total: 0.5
# prints: 5 rows
# shape: a script that nobody stops
# truth: A script that does its work in 0.5 s and ends.
"""Copies some rows and ends."""
import asyncio
import signal


async def copy(rows):
    for _ in range(rows):
        await asyncio.sleep(0.1)
    print(rows, "rows", flush=True)


async def main():
    signal.alarm(20)
    print("ready", flush=True)
    await copy(5)


if __name__ == "__main__":
    asyncio.run(main())
