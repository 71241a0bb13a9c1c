"""One worker decides: its life from the first fork to the reaped end, its escalation, its restarts."""
