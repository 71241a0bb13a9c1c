# truth: main() returns with the notifications still under way; the loop is never closed, the tasks die with the interpreter.
# expect: task-destroyed-pending
# accept: loop-closed-with-pending-tasks
# where: _push
# total: 0.05
# stop: TERM
# silent: pushed
# shape: run_until_complete() on a loop of its own that is neither stopped nor closed, tasks held in a set
import asyncio
import signal


class Notifier:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.tasks: set = set()

    def notify(self, user: str) -> None:
        task = self.loop.create_task(self._push(user))  # <- or here
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _push(self, user: str) -> None:
        await asyncio.sleep(0.5)  # <- here
        print("pushed to", user, flush=True)


async def main(notifier: Notifier) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    notifier.notify("ada")
    notifier.notify("bob")
    await asyncio.sleep(0)
    print("ready", flush=True)
    await stop.wait()


def run() -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main(Notifier(loop)))
    print("done", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    run()
