# truth: Three daemon threads sleep and block on queues and sockets; the interpreter does not wait for them.
# expect: none
# total: 0.05
# exit: 0
# stop: TERM
# shape: daemon threads in a long sleep, in an endless get() and in accept(), none of them joined
import queue
import signal
import socket
import sys
import threading
import time


class Beacon:
    def __init__(self) -> None:
        self.events: "queue.Queue[str]" = queue.Queue()
        self.listener = socket.create_server(("127.0.0.1", 0))
        for work in (self._heartbeat, self._deliver, self._accept):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def _heartbeat(self) -> None:
        while True:
            time.sleep(30)
            self.events.put("alive")

    def _deliver(self) -> None:
        while True:
            self.events.get()

    def _accept(self) -> None:
        while True:
            peer, _ = self.listener.accept()
            peer.close()


def leave(*_) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.alarm(20)
    signal.signal(signal.SIGTERM, leave)
    beacon = Beacon()
    print("ready", flush=True)
    while True:
        time.sleep(0.5)
