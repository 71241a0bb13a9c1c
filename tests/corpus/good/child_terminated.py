# expect: none
# stop: TERM
# total: 0.0
# prints: child ended
# shape: an asyncio subprocess terminated and waited for
# truth: The child is told to end, ends at once and is waited for.
"""Runs a helper program while it works."""
import asyncio
import signal


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    helper = await asyncio.create_subprocess_exec("sleep", "15")
    print("ready", flush=True)
    await stop.wait()
    if helper.returncode is None:
        try:
            helper.terminate()
        except ProcessLookupError:
            pass
    await helper.wait()
    print("child ended", helper.returncode, flush=True)


asyncio.run(main())
