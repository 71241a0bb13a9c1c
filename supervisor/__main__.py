"""``python -m supervisor``: the same command line as the command `supervisor`."""

from supervisor._sigdrain_entry import main  # isort: skip - first of all: from there on Ctrl-C has no traceback

import sys

if __name__ == "__main__":
    sys.exit(main())
