# truth: Ctrl-C ends the conversion between two rows; the temporary file is removed and the status is the usual 130.
# expect: none
# total: 0.2
# exit: 130
# stop: INT
# shape: a synchronous command-line tool that catches KeyboardInterrupt, with an atexit handler that is quick
import argparse
import atexit
import contextlib
import os
import signal
import sys
import tempfile
import time


class Converter:
    def __init__(self, rows: int) -> None:
        self.rows = rows
        handle, self.path = tempfile.mkstemp(suffix=".csv")
        self.file = os.fdopen(handle, "w")
        atexit.register(self.cleanup)

    def cleanup(self) -> None:
        self.file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def run(self) -> None:
        for row in range(self.rows):
            self.file.write(f"{row};{row * row}\n")
            if row == 3:
                print("ready", flush=True)
            time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100000)
    converter = Converter(parser.parse_args().rows)
    try:
        converter.run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    signal.alarm(20)
    sys.exit(main())
