"""At exit the Sentry client "is attempting to send 1 pending events" and waits up to two seconds for a server
that does not answer; every stop of the service takes so long.

https://github.com/internetarchive/openlibrary/pull/10540
"""

# RUN: {py} {file} {port}
# BEFORE: {py} helpers/silent.py {port}
# LADDER: TERM/5/KILL
# TAKES: 1.9
# EXPECT: slow-atexit sentry
import signal
import sys

import sentry_sdk

sentry_sdk.init(f"http://key@127.0.0.1:{sys.argv[1]}/1", shutdown_timeout=2)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
sentry_sdk.capture_message("started")
print("ready", flush=True)
while True:
    signal.pause()
