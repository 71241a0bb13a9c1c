# truth: The encoder runs in a session of its own and nobody tells it to stop; its wrapper waits 1.2 s for it to end.
# expect: waits-for-child
# where: finish
# seconds: 1.2
# total: 1.2
# stop: TERM
# shape: an asyncio subprocess in its own session, waited for but not terminated, in a task's finally
import asyncio
import signal
import sys

ENCODER = "import time; print('frame', flush=True); time.sleep(1.3)"


class Encoder:
    def __init__(self, source: str) -> None:
        self.source = source

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ENCODER, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        await self.process.stdout.readline()

    async def finish(self) -> int:
        out, _ = await self.process.communicate()  # <- here
        return self.process.returncode


class Queue:
    def __init__(self) -> None:
        self.current = None

    async def work(self) -> None:
        self.current = Encoder("talk.mov")
        await self.current.start()
        try:
            print("ready", flush=True)
            await asyncio.sleep(60)
        finally:
            code = await self.current.finish()
            print("encoder ended with", code, flush=True)


async def main() -> None:
    task = asyncio.ensure_future(Queue().work())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    signal.alarm(20)
    asyncio.run(main())
