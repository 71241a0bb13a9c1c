# expect: none
# stop: TERM
# total: 0.3
# prints: sorted 3
# shape: a shell pipeline that ends by itself, awaited in flight
# truth: The pipeline under way takes 0.3 s more and is awaited.
"""Runs short shell pipelines and ends between two."""
import asyncio
import signal

SCRIPT = "trap '' TERM; sleep 0.4; printf '3\\n1\\n2\\n' | sort -n"


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    while not stop.is_set():
        pipeline = await asyncio.create_subprocess_shell(SCRIPT, stdout=asyncio.subprocess.PIPE)
        out, _ = await pipeline.communicate()
        print("sorted", len(out.split()), flush=True)


asyncio.run(main())
