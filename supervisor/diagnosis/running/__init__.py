"""`supervisor explain PID`: why a process that is still running does not end, from facts of one look at it."""
