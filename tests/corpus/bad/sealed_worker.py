# truth: The entry point starts itself again with -I and a scrubbed environment, so nothing can be seen inside the worker.
# expect: no-agent
# accept: slow-task
# total: 0.9
# stop: TERM
# shape: execve of the same interpreter with -I and an environment of two variables; slow at its end, unseen
import asyncio
import os
import signal
import sys


class Worker:
    async def close(self) -> None:
        await asyncio.sleep(0.9)

    async def run(self, stop: asyncio.Event) -> None:
        print("ready", flush=True)
        await stop.wait()
        await self.close()


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await Worker().run(stop)


def seal() -> None:
    """No PYTHON* variable and no user site in production."""
    if not sys.flags.isolated:
        clean = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
        os.execve(sys.executable, [sys.executable, "-I", os.path.abspath(__file__)], clean)


if __name__ == "__main__":
    signal.alarm(20)
    seal()
    asyncio.run(main())
