"""Table locks as Snowflake takes them: UPDATE, DELETE, MERGE and TRUNCATE hold one until the
transaction ends, INSERT and COPY take none.

A killed client leaves its transaction open, for there is no connection whose end the server could
see. Snowflake rolls such a transaction back once another one waits for it and it has been idle for
five minutes; `idle_abort` says how long that is here.
"""
import threading
import time

import errors


class TableLocks:
    def __init__(self):
        self.changed = threading.Condition()
        self.owners = {}
        self.waits = {}
        self.idle_abort = 300.0

    def acquire(self, session, table, timeout, stop):
        """Waits until `session` holds the lock; `stop()` says that it was cancelled meanwhile."""
        end = time.monotonic() + timeout
        while True:
            with self.changed:
                owner = self.owners.setdefault(table, session)
                if owner is session:
                    self.waits.pop(session, None)
                    return
                self.waits[session] = table
                try:
                    if self.waits_for(owner, session):
                        raise errors.deadlock()
                    if stop():
                        raise errors.cancelled()
                    if time.monotonic() >= end:
                        raise errors.locked(table)
                except errors.SnowflakeError:
                    self.waits.pop(session, None)
                    raise
                self.changed.wait(0.02)
            if owner.idle_seconds() >= self.idle_abort:
                owner.abort_idle(self.idle_abort)

    def waits_for(self, session, other):
        """True where `session` waits, over any number of steps, for `other`."""
        seen = set()
        while session in self.waits and session not in seen:
            seen.add(session)
            session = self.owners.get(self.waits[session])
            if session is other:
                return True
        return False

    def release(self, session):
        with self.changed:
            for table in [t for t, owner in self.owners.items() if owner is session]:
                del self.owners[table]
            self.changed.notify_all()

    def state(self):
        with self.changed:
            return {table: owner.number for table, owner in self.owners.items()}
