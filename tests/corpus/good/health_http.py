# truth: The HTTP server is shut down from another thread; an idle keep-alive client has a daemon thread and holds nothing up.
# expect: none
# total: 0.1
# stop: TERM
# drive: http GET /health, answered
# answer: HTTP/1.1 200
# shape: ThreadingHTTPServer with an idle HTTP/1.1 connection open, shutdown() and server_close()
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Health(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __enter__(self) -> "Server":
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


if __name__ == "__main__":
    signal.alarm(20)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with Server(("127.0.0.1", 0), Health) as server:
        print("ready", server.server_address[1], flush=True)
        stopping.wait()
