"""Settings for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# A shell's & starts a job with these ignored; the programs that tests start would inherit that.
for _number, _default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _default)

# The same examples on every machine and no deadline per example: a busy machine must not fail the suite. To search
# further than the suite does: pytest --hypothesis-profile=search
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=2000, database=None)
settings.load_profile("suite")
