"""Get http://127.0.0.1:PORT/ and keep the connection open and idle: keepalive.py PORT."""

import http.client
import sys
import time

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
connection.request("GET", "/")
connection.getresponse().read()
time.sleep(60)
