"""Prints COUNT numbered lines on stdout, and on stderr too with the argument ``both``: ``print_lines.py COUNT``.

Every tenth line holds bytes that are no UTF-8 and a carriage return. Written in chunks that end anywhere.
"""

import os
import sys

count = int(sys.argv[1])
fds = (1, 2) if "both" in sys.argv else (1,)
left = dict.fromkeys(fds, b"")
for number in range(count):
    for fd in fds:
        tail = b" \xff\xfe\r" if number % 10 == 0 else b" " + b"x" * (number % 97)
        left[fd] += b"%d-%d%s\n" % (fd, number, tail)
        if len(left[fd]) > 5000:
            left[fd] = left[fd][os.write(fd, left[fd][:4999]) :]
for fd in fds:
    while left[fd]:
        left[fd] = left[fd][os.write(fd, left[fd]) :]
