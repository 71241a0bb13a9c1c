"""gunicorn gives its workers 30 s, its own supervisor gives gunicorn less: the request that hangs in a call without a
timeout is killed with the whole tree, and nobody says which.

https://github.com/frappe/bench/pull/1493
"""

# RUN: env UPSTREAM=http://127.0.0.1:{other}/ {bin}/gunicorn -b 127.0.0.1:{port} {name}:app
# READY: Booting worker
# BEFORE: {py} helpers/silent.py {other}
# CLIENT: {py} helpers/get.py {port} /
# TAKES: 2.9
import os

import requests


def app(environ, start_response):
    requests.get(os.environ["UPSTREAM"])  # <- here
    start_response("200 OK", [])
    return [b"done"]
