# truth: The only consumer died of a bad label, so the queue's join() waits for task_done() calls that nobody will make.
# expect: waits-for-nobody
# where: close
# exit: KILL
# grace: 2
# stop: TERM
# shape: queue.Queue.join() of plain threads, in a finally, after the consumer thread ended by an exception
import queue
import signal
import sys
import threading


class Printer:
    def __init__(self) -> None:
        self.labels: "queue.Queue[dict]" = queue.Queue()
        self.thread = threading.Thread(target=self._consume, name="printer", daemon=True)
        self.thread.start()

    def _consume(self) -> None:
        while True:
            label = self.labels.get()
            if "text" not in label:
                print("no text:", label, flush=True)
                return
            self.labels.task_done()

    def put(self, **label: str) -> None:
        self.labels.put(label)

    def close(self) -> None:
        print("waiting for the queue", flush=True)
        self.labels.join()  # <- here


def _terminate(*_) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.alarm(20)
    printer = Printer()
    try:
        printer.put(text="one")
        printer.put(colour="red")
        printer.put(text="three")
        signal.signal(signal.SIGTERM, _terminate)
        print("ready", flush=True)
        threading.Event().wait()
    finally:
        printer.close()
