"""One run from its start to its told end: knows the loop, the system and the views; no argv, no typer."""
