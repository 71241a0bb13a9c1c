# expect: leaked-children
# also: killed
# total: 0.0
# stop: TERM
# grace: 2
# leaves: 1
# shape: same process group, ignores SIGTERM
# truth: The helper shell ignores SIGTERM and is neither ended nor waited for; it outlives the worker.
"""Follows a log with a helper shell."""
import asyncio
import signal
import subprocess

FOLLOW = "trap '' TERM INT; echo following; exec sleep 15"


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    helper = subprocess.Popen(["sh", "-c", FOLLOW], stdout=subprocess.PIPE)
    helper.stdout.readline()
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
