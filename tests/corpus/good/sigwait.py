# expect: none
# stop: TERM
# total: 0.2
# prints: got SIGTERM
# shape: the signal is blocked and taken with sigwait, no handler
# truth: SIGTERM is blocked on purpose and taken by signal.sigwait; the worker threads are joined.
"""Waits for signals with sigwait while threads do the work."""
import signal
import threading

leave = threading.Event()


def work():
    while not leave.wait(0.1):
        pass


signal.alarm(20)
wanted = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
print("ready", flush=True)
number = signal.sigwait(wanted)
print("got", signal.Signals(number).name, flush=True)
leave.set()
for thread in threads:
    thread.join()
