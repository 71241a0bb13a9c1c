# truth: The cache renews its token by a threading.Timer, which is no daemon and is never cancelled: its 1.3 s run out first.
# expect: non-daemon-thread
# where: _schedule?
# seconds: 1.2
# total: 1.2
# stop: TERM
# shape: a threading.Timer that rearms itself, forgotten by the service; all of its waiting is in the standard library
import signal
import threading


class TokenCache:
    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self.closed = False
        self.renew()

    def renew(self) -> None:
        self.token = object()
        if not self.closed:
            self._schedule()

    def _schedule(self) -> None:
        self.timer = threading.Timer(self.lifetime, self.renew)
        self.timer.start()  # <- here


class Service:
    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.tokens = TokenCache(1.3)

    def stop(self, *_) -> None:
        self.stopping.set()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        print("ready", flush=True)
        self.stopping.wait()
        self.tokens.closed = True
        print("service stopped", flush=True)


if __name__ == "__main__":
    signal.alarm(20)
    Service().run()
