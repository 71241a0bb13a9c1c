"""sd_notify(3) in both directions: a private socket for a worker's messages, and our own messages to a manager."""
