# truth: The session tells its friends that it has gone by a task that it creates while it is cancelled; nobody awaits that.
# expect: task-created-in-cancel-handler
# accept: loop-closed-with-pending-tasks, task-destroyed-pending
# where: spawn
# total: 0.05
# stop: TERM
# silent: told
# shape: create_task hidden in a project's spawn() helper that keeps its references, called from the except clause
import asyncio
import signal

_background: set = set()


def spawn(coroutine, name: str) -> asyncio.Task:
    task = asyncio.get_running_loop().create_task(coroutine)  # <- here
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task


class Session:
    def __init__(self, user: str, friends: list) -> None:
        self.user = user
        self.friends = friends

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(30)
        except asyncio.CancelledError:
            self._offline()  # <- or here
            raise

    def _offline(self) -> None:
        spawn(self._tell(), f"offline-{self.user}")  # <- or here

    async def _tell(self) -> None:
        for friend in self.friends:
            await asyncio.sleep(0.1)
            print("told", friend, flush=True)


async def main() -> None:
    running = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    spawn(Session("ada", ["bob", "eve"]).run(), "session")
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.sleep(60)


if __name__ == "__main__":
    signal.alarm(20)
    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        print("closed", flush=True)
