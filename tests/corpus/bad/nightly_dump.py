# expect: waits-for-child
# accept: loop-blocked
# where: dump
# seconds: 0.8
# total: 0.8
# stop: TERM
# prints: dumped
# shape: subprocess.run on the loop, a shell
# truth: The cleanup runs a shell command with subprocess.run on the loop and waits 0.8 s for it.
"""Dumps its state with a shell command when it leaves."""
import asyncio
import signal
import subprocess


def dump():
    script = "trap '' TERM; sleep 0.8; echo dumped"
    subprocess.run(["sh", "-c", script], check=True)  # <- here


async def work():
    while True:
        await asyncio.sleep(0.25)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(work())
    print("ready", flush=True)
    await stop.wait()
    task.cancel()
    dump()


asyncio.run(main())
