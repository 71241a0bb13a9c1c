"""Explains a shutdown: (record, evidence) -> marks, critical path, findings. Pure."""
