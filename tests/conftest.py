"""Settings for all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples on every machine and no deadline per example: a busy machine must not fail the suite. To search
# further than the suite does: pytest --hypothesis-profile=search
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=2000, database=None)
settings.load_profile("suite")
