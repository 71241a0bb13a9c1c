"""Tests of the supervisor. Helpers are imported by their full name: `from tests.support.processes import until`."""
