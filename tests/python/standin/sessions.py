"""One session: its tokens, parameters, transaction and the answers it has already given."""
import contextlib
import secrets
import threading
import time

import errors

KEPT_ANSWERS = 200
DEFAULTS = {"AUTOCOMMIT": "true", "TIMEZONE": "Etc/UTC", "QUERY_TAG": "", "LOCK_TIMEOUT": "43200",
            "STATEMENT_TIMEOUT_IN_SECONDS": "172800", "ERROR_ON_NONDETERMINISTIC_MERGE": "true",
            "TRANSACTION_ABORT_ON_ERROR": "false", "CLIENT_SESSION_KEEP_ALIVE": "false",
            "QUOTED_IDENTIFIERS_IGNORE_CASE": "false"}


class Session:
    def __init__(self, number, user, connection, locks, parameters):
        self.number = number
        self.user = user
        self.connection = connection
        self.locks = locks
        self.parameters = {**DEFAULTS, **parameters}
        self.warehouse = self.role = self.last_query_id = None
        self.mutex = threading.RLock()      # one statement at a time
        self.answers = {}                   # request id -> Future of the answer
        self.running = {}                   # request id -> Running
        self.in_transaction = False
        self.wrote = False
        self.broken = None                  # why the transaction cannot go on
        self.expired = False
        self.ended = False
        self.touched = time.monotonic()
        self.new_tokens()

    def new_tokens(self):
        self.token = secrets.token_urlsafe(32)
        self.master = secrets.token_urlsafe(32)
        self.expired = False

    @property
    def duck(self):
        return self.connection._duck_conn

    def parameter(self, name):
        return str(self.parameters.get(name, ""))

    def flag(self, name):
        return self.parameter(name).lower() in ("true", "1", "on")

    # The transaction. fakesnow never sees it: its connection stays in autocommit.

    def begin(self):
        if not self.in_transaction:
            self.duck.execute("BEGIN TRANSACTION")
            self.in_transaction, self.wrote, self.broken = True, False, None

    def refresh(self):
        """READ COMMITTED: a statement sees what is committed before it starts.

        DuckDB keeps one snapshot a transaction, so this holds until the transaction first writes.
        """
        if self.in_transaction and not self.wrote and not self.broken:
            self.duck.execute("ROLLBACK")
            self.duck.execute("BEGIN TRANSACTION")

    def commit(self):
        if not self.in_transaction:
            return
        if self.broken:
            reason = self.broken
            self.rollback()
            raise errors.SnowflakeError(603, "40000", "the stand-in cannot commit a transaction in "
                                        f"which a statement failed; it is rolled back ({reason})")
        try:
            self.duck.execute("COMMIT")
        finally:
            self.leave()

    def rollback(self):
        if self.in_transaction:
            try:
                self.duck.execute("ROLLBACK")
            finally:
                self.leave()

    def leave(self):
        self.in_transaction, self.wrote, self.broken = False, False, None
        self.locks.release(self)

    def idle_seconds(self):
        return 0.0 if self.running else time.monotonic() - self.touched

    def abort_idle(self, seconds):
        """Rolls back a transaction that nobody has used for so long (see locks.py)."""
        if not self.mutex.acquire(blocking=False):
            return
        try:
            if self.in_transaction and self.idle_seconds() >= seconds:
                self.rollback()
        finally:
            self.mutex.release()

    def end(self):
        with self.mutex:
            self.ended = True
            with contextlib.suppress(Exception):
                self.rollback()
            self.locks.release(self)

    # The answers, by request id: a request that is sent again gets the first one's answer.

    def remember(self, request_id, future):
        self.answers[request_id] = future
        for old in list(self.answers)[:-KEPT_ANSWERS]:
            del self.answers[old]


class Running:
    """A statement at work: how it is stopped."""

    def __init__(self, session, seconds):
        self.session = session
        self.stop = threading.Event()
        self.limit = seconds
        self.late = False
        self.timer = threading.Timer(seconds, self.time_out)
        self.timer.daemon = True

    def __enter__(self):
        if self.limit < 86400:
            self.timer.start()
        return self

    def __exit__(self, *ignored):
        self.timer.cancel()

    def time_out(self):
        self.late = True
        self.cancel()

    def cancel(self):
        self.stop.set()
        self.session.duck.interrupt()

    def check(self):
        if self.late:
            raise errors.timed_out(self.limit)
        if self.stop.is_set():
            raise errors.cancelled()

    def wait(self, seconds):
        self.stop.wait(seconds)
        self.check()
