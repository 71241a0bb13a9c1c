"""Prints the number of every signal, in the order in which the kernel hands them over; SIGKILL ends it.

It waits for signals instead of handling them: handlers of signals that are pending together run in reverse order.
``ready PID`` is printed when none can be lost any more; with the argument ``once`` the first signal ends it.
"""

import os
import signal
import sys

every = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
signal.pthread_sigmask(signal.SIG_BLOCK, every)
print("ready", os.getpid(), flush=True)
while True:
    print(signal.sigwaitinfo(every).si_signo, flush=True)
    if "once" in sys.argv:
        sys.exit(0)
