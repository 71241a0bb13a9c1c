# expect: handler-displaced
# also: killed
# where: enable_profiler?
# exit: KILL
# stop: TERM
# grace: 2
# prints: profile dumped
# silent: stopping
# shape: signal.signal twice in a threaded program, killed
# truth: The profiler's handler replaces the program's without calling it, so the program never hears of the stop.
"""A threaded poller with an optional profiler."""
import signal
import threading

stopping = threading.Event()


def request_stop(signum, frame):  # <- or here
    print("stopping", flush=True)
    stopping.set()


def enable_profiler(samples):
    def dump(signum, frame):  # <- or here
        print("profile dumped", samples, flush=True)

    signal.signal(signal.SIGTERM, dump)  # <- here


def poll():
    while not stopping.wait(0.2):
        pass


def main():
    signal.alarm(20)
    signal.signal(signal.SIGTERM, request_stop)  # <- or here
    enable_profiler(samples=100)
    poller = threading.Thread(target=poll)
    poller.start()
    print("ready", flush=True)
    poller.join()  # <- or here


main()
