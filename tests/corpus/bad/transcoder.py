# expect: waits-for-child
# accept: slow-task
# where: close
# seconds: 1.0
# total: 1.0
# stop: TERM
# prints: encoder ended
# shape: asyncio subprocess, awaited
# truth: The encoder needs 1.0 s to write its file after its input was closed; the worker awaits its exit.
"""Feeds frames to an encoder process."""
import asyncio
import signal
import sys

ENCODER = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.alarm(20)
print("up", flush=True)
sys.stdin.read()
time.sleep(1.0)
"""


async def open_encoder():
    pipe = asyncio.subprocess.PIPE
    encoder = await asyncio.create_subprocess_exec(sys.executable, "-c", ENCODER, stdin=pipe, stdout=pipe)
    await encoder.stdout.readline()
    return encoder


async def close(encoder):
    encoder.stdin.close()
    status = await encoder.wait()  # <- here
    print("encoder ended", status, flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    encoder = await open_encoder()
    print("ready", flush=True)
    await stop.wait()
    await close(encoder)


asyncio.run(main())
