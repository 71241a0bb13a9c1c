# truth: multiprocessing's exit handler joins the snapshot process, which has put SIGTERM off until its copy is complete.
# expect: waits-for-child
# total: 1.2
# seconds: 1.2
# exit: 0
# stop: TERM
# shape: a multiprocessing.Process that nobody joins but multiprocessing's own exit handler, from an asyncio parent
import asyncio
import multiprocessing
import signal
import time


class Snapshot(multiprocessing.context.ForkProcess):
    def __init__(self, volume: str, started) -> None:
        super().__init__(name=f"snapshot-{volume}")
        self.started = started

    def run(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.alarm(20)
        self.started.set()
        self._copy(13)

    def _copy(self, blocks: int) -> None:
        for _ in range(blocks):
            time.sleep(0.1)


class Agent:
    def __init__(self) -> None:
        started = context.Event()
        self.snapshot = Snapshot("data", started)
        self.snapshot.start()
        started.wait()

    async def run(self) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        print("ready", flush=True)
        await stop.wait()
        print("agent stopped", flush=True)


context = multiprocessing.get_context("fork")

if __name__ == "__main__":
    signal.alarm(20)
    agent = Agent()
    asyncio.run(agent.run())
