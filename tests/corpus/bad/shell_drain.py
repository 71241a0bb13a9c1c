# expect: no-agent
# accept: waits-for-child
# total: 1.2
# stop: TERM
# grace: 2
# prints: drained
# shape: not Python, a slow trap
# truth: A shell script whose TERM trap sleeps for 1.2 s; outside facts show the shell waiting for a child.
"""Runs a shell worker in its own place."""
import os
import signal

SCRIPT = """
drain() { trap '' TERM; sleep 1.2; echo drained; exit 0; }
trap drain TERM
echo ready
while :; do sleep 0.05; done
"""

signal.alarm(20)
os.execvp("sh", ["sh", "-c", SCRIPT])
