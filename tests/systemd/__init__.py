"""Tests on a real systemd: it boots as PID 1 of throw-away namespaces (tests/support/systemd.py). Needs root."""
