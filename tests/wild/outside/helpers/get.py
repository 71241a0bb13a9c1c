"""Get http://127.0.0.1:PORT/PATH and read the answer until its end: get.py PORT PATH."""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
connection.request("GET", sys.argv[2])
answer = connection.getresponse()
while answer.read1():
    pass
