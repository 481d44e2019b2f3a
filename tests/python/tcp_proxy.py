"""A proxy before PostgreSQL that loses, cuts and delays, at a message that a test chooses.

    proxy = PostgresProxy("127.0.0.1", port)
    proxy.fault("^COMMIT", "lose")             # the server commits; the client never hears of it
    proxy.fault("INSERT", "cut", nth=2)        # the second INSERT does not reach the server
    proxy.fault("MERGE", "delay", seconds=3)
    proxy.statements                           # every text that clients sent, in order
    proxy.refuse(True)                         # from now on connections are closed at once

Actions: `lose` (forward, wait until the server is ready again, then cut), `cut` (before the message
reaches the server), `cut_after` (right after it was forwarded), `delay`. A prepared statement counts
when it is bound, which is when it runs. Encrypted connections are not looked into (the server here
has none).
"""
import re
import socket
import struct
import threading
import time

READY = b"Z\x00\x00\x00\x05"             # ReadyForQuery
SPECIAL = {80877103, 80877104, 80877102}    # SSLRequest, GSSENCRequest, CancelRequest


class Rule:
    def __init__(self, pattern, action, nth, times, seconds):
        self.pattern = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        self.action = action
        self.nth = nth
        self.times = times
        self.seconds = seconds
        self.seen = 0
        self.fired = 0


class PostgresProxy:
    def __init__(self, host, port):
        self.target = (host, port)
        self.mutex = threading.Lock()
        self.rules = []
        self.statements = []
        self.open = set()
        self.refusing = False
        self.closed = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def fault(self, pattern, action, nth=1, times=1, seconds=0.0):
        if action not in ("lose", "cut", "cut_after", "delay"):
            raise ValueError(f"no action '{action}'")
        rule = Rule(pattern, action, nth, times, seconds)
        with self.mutex:
            self.rules.append(rule)
        return rule

    def at(self, number, call, forward):
        """Calls `call` at the n-th statement from now (the first is 1), and then forwards it or not."""
        rule = Rule("", "call", number, 1, 0.0)
        rule.call, rule.forward = call, forward
        with self.mutex:
            self.rules.append(rule)

    def reset(self):
        """No rules, no statements."""
        with self.mutex:
            self.rules.clear()
            self.statements.clear()

    def refuse(self, refusing):
        self.refusing = refusing

    def cut_all(self):
        """Ends every connection that is open now."""
        with self.mutex:
            links = list(self.open)
        for link in links:
            link.cut()

    def close(self):
        self.closed = True
        self.listener.close()
        self.cut_all()

    def accept(self):
        while not self.closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            Link(self, client, server).start()

    def take(self, text):
        with self.mutex:
            self.statements.append(text)
            fired = None
            for rule in self.rules:
                if not rule.pattern.search(text):
                    continue
                rule.seen += 1
                if fired is None and rule.seen >= rule.nth and rule.fired < rule.times:
                    rule.fired += 1
                    fired = rule
            return fired


class Link:
    """One connection of a client and its connection to the server."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.losing = threading.Event()
        self.prepared = {}
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self):
        with self.proxy.mutex:
            self.proxy.open.add(self)
        for work in (self.from_client, self.from_server):
            threading.Thread(target=self.guarded, args=(work,), daemon=True).start()

    def guarded(self, work):
        try:
            work()
        except OSError:
            pass
        finally:
            self.cut()

    def cut(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        with self.proxy.mutex:
            self.proxy.open.discard(self)

    def read(self, end, size):
        parts = []
        while size > 0:
            part = end.recv(min(size, 1 << 16))
            if not part:
                raise OSError("closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def from_client(self):
        while True:
            length = self.read(self.client, 4)
            body = self.read(self.client, struct.unpack("!I", length)[0] - 4)
            self.server.sendall(length + body)
            if struct.unpack("!I", body[:4])[0] not in SPECIAL:
                break
        while True:
            kind = self.read(self.client, 1)
            length = self.read(self.client, 4)
            body = self.read(self.client, struct.unpack("!I", length)[0] - 4)
            text = self.text_of(kind, body)
            rule = self.proxy.take(text) if text is not None else None
            if rule and rule.action == "delay":
                time.sleep(rule.seconds)
            elif rule and rule.action == "cut":
                return
            elif rule and rule.action == "lose":
                self.losing.set()
            elif rule and rule.action == "call":
                rule.call()
                if not rule.forward:
                    return
            self.server.sendall(kind + length + body)
            if rule and rule.action == "cut_after":
                return

    def from_server(self):
        """Forwards what comes; while losing, reads on until the server is ready, then cuts."""
        tail = b""
        while True:
            part = self.server.recv(1 << 16)
            if not part:
                return
            if not self.losing.is_set():
                self.client.sendall(part)
                continue
            tail = tail[-16:] + part
            if READY in tail:
                return

    def text_of(self, kind, body):
        """The SQL that this message runs, or None: Query has it, Bind names what Parse prepared."""
        if kind == b"Q":
            return body.split(b"\x00")[0].decode("utf-8", "replace")
        if kind == b"P":
            name, text = body.split(b"\x00")[:2]
            self.prepared[name] = text.decode("utf-8", "replace")
        elif kind == b"B":
            return self.prepared.get(body.split(b"\x00")[1])
        return None
