"""Process.wait() of asyncio returns when the child's pipes are closed, not when the child has ended: a grandchild
that still has the pipe keeps the parent waiting for a process that is gone.

https://github.com/python/cpython/pull/151983
"""

# LADDER: TERM/0.8/KILL
# TAKES: 0.7
import asyncio
import signal

SCRIPT = "(trap '' TERM; exec sleep 30) & trap 'sleep 0.2; exit' TERM; echo ready >&2; wait"


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    child = await asyncio.create_subprocess_exec("sh", "-c", SCRIPT, stdout=asyncio.subprocess.PIPE)
    await stop.wait()
    await child.wait()  # <- here
    print("child has ended", flush=True)


asyncio.run(main())
