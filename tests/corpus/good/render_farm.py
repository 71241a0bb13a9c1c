# truth: Two children in sessions of their own get SIGTERM from the farm's close() and are waited for, a moment each.
# expect: none
# total: 0.2
# stop: TERM
# shape: asyncio subprocesses, terminated and reaped with a time limit in an AsyncExitStack
import asyncio
import contextlib
import signal
import sys

RENDER = "import time; print('up', flush=True); time.sleep(30)"


class Renderer:
    def __init__(self, scene: str) -> None:
        self.scene = scene

    async def __aenter__(self) -> "Renderer":
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RENDER, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        await self.process.stdout.readline()
        return self

    async def __aexit__(self, *_) -> None:
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.communicate(), 2)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        for scene in ("intro", "credits"):
            await stack.enter_async_context(Renderer(scene))
        print("ready", flush=True)
        await stop.wait()
    print("farm closed", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
