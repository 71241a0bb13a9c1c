"""The fleet decides: which workers run, who is asked to stop, what their ends mean for the others."""
