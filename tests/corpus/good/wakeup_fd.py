# expect: none
# stop: TERM
# total: 0.0
# prints: woken by 15
# shape: signal.set_wakeup_fd and select, no asyncio
# truth: The signal's number arrives through the wakeup descriptor and ends the loop.
"""A select loop with a wakeup descriptor."""
import select
import signal
import socket

ours, theirs = socket.socketpair()
ours.setblocking(False)
theirs.setblocking(False)
signal.set_wakeup_fd(theirs.fileno())
signal.signal(signal.SIGTERM, lambda *_: None)
signal.alarm(20)
print("ready", flush=True)
done = False
while not done:
    readable, _, _ = select.select([ours], [], [], 1.0)
    if readable:
        numbers = ours.recv(16)
        done = signal.SIGTERM in numbers
        print("woken by", *numbers, flush=True)
signal.set_wakeup_fd(-1)
ours.close()
theirs.close()
