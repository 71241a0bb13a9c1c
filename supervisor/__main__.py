"""``python -m supervisor``: the same command line as the command `supervisor`."""

from __future__ import annotations

import sys

from supervisor._sigdrain_entry import main

if __name__ == "__main__":
    sys.exit(main())
