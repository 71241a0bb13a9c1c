# expect: none
# stop: TERM
# total: 0.5
# prints: server closed
# drive: http GET /, answered
# answer: HTTP/1.0 200
# shape: http.server with threads, shut down from a helper thread
# truth: serve_forever looks at its flag every 0.5 s; then the server closes.
"""A threaded HTTP server from the standard library."""
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *args):
        pass


def main():
    signal.alarm(20)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def stop(signum, frame):
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    print("ready", server.server_address[1], flush=True)
    server.serve_forever(poll_interval=0.5)
    server.server_close()
    print("server closed", flush=True)


main()
