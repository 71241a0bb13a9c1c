"""Processes of ours, from fork to reaped zombie: starting them, signalling them, waiting for them."""
