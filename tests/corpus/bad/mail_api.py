# truth: The lifespan's end joins the sender's thread without leaving the loop: it is blocked until the thread is through its batch.
# expect: loop-blocked
# also: exit-by-reraised-signal
# where: stop
# seconds: 0.9
# total: 1.1
# exit: -15, 0
# packages: uvicorn, starlette
# stop: TERM
# shape: Thread.join() in a starlette lifespan under uvicorn; the thread wraps up a batch when told to stop
import contextlib
import queue
import signal
import threading
import time

import uvicorn
from starlette.applications import Starlette


class Sender:
    def __init__(self) -> None:
        self._mails: "queue.Queue[str]" = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        self._stopping.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        for _ in range(3):
            time.sleep(0.3)  # <- or here

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()  # <- here


@contextlib.asynccontextmanager
async def lifespan(app: Starlette):
    sender = Sender()
    sender.start()
    print("ready", flush=True)
    yield
    sender.stop()


app = Starlette(lifespan=lifespan)

if __name__ == "__main__":
    signal.alarm(20)
    uvicorn.run(app, host="127.0.0.1", port=0, log_level="warning")
