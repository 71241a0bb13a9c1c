# truth: The main thread waits inside SQLite for another writer's lock; until that gives up after 1.2 s no Python handler can run.
# expect: handler-not-run
# where: _claim
# seconds: 1.2
# total: 1.25
# stop: TERM
# shape: sqlite3's busy timeout in the main thread, held up by a lock of another connection in a thread
import os
import signal
import sqlite3
import sys
import tempfile
import threading


class Store:
    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)

    def _claim(self) -> bool:
        try:
            self.connection.execute("BEGIN IMMEDIATE")  # <- here
        except sqlite3.OperationalError as error:
            print("stock:", error, flush=True)
            return False
        return True


class Importer:
    def __init__(self, path: str) -> None:
        self.store = Store(path, timeout=1.3)
        self.stopping = False

    def stop(self, *_) -> None:
        self.stopping = True

    def run(self) -> None:
        print("ready", flush=True)
        while not self.stopping:
            self.store._claim()


def report(path: str, began: threading.Event) -> None:
    """A long report of somebody else's, in one transaction."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began.set()
    threading.Event().wait()


if __name__ == "__main__":
    signal.alarm(20)
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "stock.db")
    began = threading.Event()
    threading.Thread(target=report, args=(path, began), daemon=True).start()
    began.wait()
    importer = Importer(path)
    signal.signal(signal.SIGTERM, importer.stop)
    importer.run()
    os.unlink(path)
    for left in os.listdir(folder):
        os.unlink(os.path.join(folder, left))
    os.rmdir(folder)
    sys.exit(0)
