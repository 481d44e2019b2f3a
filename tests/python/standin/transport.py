"""HTTP around the service: threads, keep-alive, and answers that get lost on the way."""
import gzip
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit


class Request:
    def __init__(self, handler, body):
        parts = urlsplit(handler.path)
        self.method = handler.command
        self.path = unquote(parts.path)
        self.query = dict(parse_qsl(parts.query))
        self.headers = handler.headers
        self.base_url = f"http://{handler.headers.get('Host')}"
        self.body = body

    def json(self):
        body = self.body
        if self.headers.get("Content-Encoding", "").lower() == "gzip":
            body = gzip.decompress(body)
        return json.loads(body or b"{}")

    def token(self):
        """Authorization: Snowflake Token="..." """
        return self.headers.get("Authorization", "").partition('"')[2].rstrip('"')


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 600
    service = None

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if size == 0:
                return b"".join(parts)

    def handle_request(self):
        reply = self.service.handle(Request(self, self.read_body()))
        if reply.fault == "hang":
            threading.Event().wait(self.timeout)
        if reply.fault in ("drop", "hang"):
            self.drop()
            return
        body = reply.body
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:len(body) // 2] if reply.fault == "truncate" else body)
        if reply.fault == "truncate":
            self.wfile.flush()
            self.drop()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_request

    def drop(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def log_message(self, *ignored):
        pass

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass    # the client went away, which tests do on purpose


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


def serve(service, port):
    handler = type("BoundHandler", (Handler,), {"service": service, "disable_nagle_algorithm": True})
    return Server(("127.0.0.1", port), handler)
