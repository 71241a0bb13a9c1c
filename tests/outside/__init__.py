"""Test suites of other wrappers, run against ours. Not committed: see suites.py."""
