# expect: killed
# accept: no-agent
# exit: KILL
# stop: TERM
# grace: 2
# prints: draining
# shape: not Python, a trap that only prints
# truth: A shell script whose TERM trap only prints; nothing more can be known of it.
"""Runs a shell loop in its own place."""
import os
import signal

SCRIPT = """
trap 'echo draining' TERM
echo ready
while :; do sleep 0.3; done
"""

signal.alarm(20)
os.execvp("sh", ["sh", "-c", SCRIPT])
