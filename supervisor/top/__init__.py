"""The dashboard client: a process of its own that watches a fleet over its control socket (docs/control.md).

client    the loop: one poll over socket, terminal, signals
feed      the control socket's stream: bytes -> messages
model     what is known and chosen: messages and keys in, frames out; no system calls
screen    the terminal: modes, alternate screen, painting what changed, never waiting for it
keys      bytes of the keyboard -> names
sampler   CPU and memory of the workers on screen, by psutil

Writes by itself what rich.Live would: a Live frame of 50 rows costs 27 ms of CPU, ours 1.2 (tests/top/cost.py).
Nothing here delays the fleet: the supervisor sends to a socket that it never waits for, and the terminal is ours.
"""
