# truth: server_close() joins the threads of ThreadingTCPServer, and one of them waits for an idle client's next line.
# expect: non-daemon-thread
# where: handle
# seconds: 1.2
# total: 1.25
# stop: TERM
# drive: connect send HELO, answered
# shape: socketserver's block_on_close, with a client that keeps its connection open and says nothing
import signal
import socketserver
import threading


class Commands(socketserver.StreamRequestHandler):
    timeout = 1.3

    def handle(self) -> None:
        try:
            while True:
                line = self.rfile.readline()  # <- here
                if not line:
                    return
                self.reply(line)
        except OSError:
            pass

    def reply(self, line: bytes) -> None:
        self.wfile.write(b"250 " + line)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def run(self) -> None:
        stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
        accepting = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        accepting.start()
        print("ready", self.server_address[1], flush=True)
        stopping.wait()
        self.shutdown()
        accepting.join()
        self.server_close()  # <- or here


if __name__ == "__main__":
    signal.alarm(20)
    Server(("127.0.0.1", 0), Commands).run()
    print("closed", flush=True)
