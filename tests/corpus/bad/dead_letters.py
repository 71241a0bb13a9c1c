# truth: On the way out the dead letters are logged to stdout, and whoever reads that pipe does not for 1 s.
# expect: output-blocked
# where: dump
# seconds: 1.0
# total: 1.0
# stop: TERM
# drive: unread 1.0
# shape: a logging.StreamHandler on stdout in a worker of plain threads, its backlog dumped at the end
import json
import logging
import queue
import signal
import sys
import threading

log = logging.getLogger("letters")


class Consumer(threading.Thread):
    def __init__(self, source: "queue.Queue[dict]", failed: list) -> None:
        super().__init__(name="consumer", daemon=True)
        self.source = source
        self.failed = failed

    def run(self) -> None:
        while True:
            self.failed.append(self.source.get())


class Service:
    def __init__(self) -> None:
        self.source: "queue.Queue[dict]" = queue.Queue()
        self.failed: list = []
        self.stopping = threading.Event()

    def run(self) -> None:
        Consumer(self.source, self.failed).start()
        for number in range(400):
            self.source.put({"id": number, "body": "x" * 900})
        print("ready", flush=True)
        self.stopping.wait()
        self.dump()

    def dump(self) -> None:
        for letter in self.failed:
            log.error("undelivered %s", json.dumps(letter))  # <- here


if __name__ == "__main__":
    signal.alarm(20)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO)
    service = Service()
    signal.signal(signal.SIGTERM, lambda *_: service.stopping.set())
    service.run()
