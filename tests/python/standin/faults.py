"""Faults that a test switches on, and the record of what was asked of the server.

A rule says where (`on`), for which text (`match`, a regular expression), from which matching
request (`nth`, the first is 1), how many times (`times`, 0: for ever) and what (`do`):

    error           refuse with code, sqlstate, message; nothing is executed
    status          answer with the HTTP status `status`; nothing is executed
    slow            wait `seconds` first (a cancel or the statement's timeout ends the wait)
    hang            accept the request and never answer
    expire          the session's token is no longer valid (the driver has to renew it)
    end_session     the session is gone, its open transaction rolled back
    lose            execute, then close the connection without an answer
    lose_session    execute, close the connection, and the session is gone too
    truncate        execute, and send half of the answer
    status_after    execute, then answer with the HTTP status `status`
    die             the server process ends before it executes
    die_after       the server process ends after it executed

`on` is statement, login, renew, upload or result.
"""
import re
import threading

ACTIONS = {"error", "status", "slow", "hang", "expire", "end_session", "lose", "lose_session",
           "truncate", "status_after", "die", "die_after"}
PLACES = {"statement", "login", "renew", "upload", "result"}
FIELDS = {"on", "match", "nth", "times", "do", "code", "sqlstate", "message", "status", "seconds"}
KEPT = 100000


class Faults:
    def __init__(self):
        self.mutex = threading.Lock()
        self.rules = []
        self.records = []

    def add(self, rule):
        unknown = set(rule) - FIELDS
        if unknown or rule.get("do") not in ACTIONS or rule.get("on", "statement") not in PLACES:
            raise ValueError(f"not a rule: {rule}")
        rule = {"on": "statement", "match": "", "nth": 1, "times": 1, "seen": 0, "fired": 0, **rule}
        rule["pattern"] = re.compile(rule["match"], re.IGNORECASE | re.DOTALL)
        with self.mutex:
            self.rules.append(rule)

    def clear(self):
        with self.mutex:
            self.rules.clear()

    def state(self):
        with self.mutex:
            return [{k: v for k, v in rule.items() if k != "pattern"} for rule in self.rules]

    def take(self, place, text):
        """The rule that fires for this request, or None. Every matching rule counts it."""
        fired = None
        with self.mutex:
            for rule in self.rules:
                if rule["on"] != place or not rule["pattern"].search(text):
                    continue
                rule["seen"] += 1
                due = rule["seen"] >= rule["nth"]
                left = rule["times"] == 0 or rule["fired"] < rule["times"]
                if fired is None and due and left:
                    rule["fired"] += 1
                    fired = rule
        return fired

    def record(self, **what):
        with self.mutex:
            self.records.append({"n": len(self.records) + 1, **what})
            if len(self.records) > KEPT:
                raise RuntimeError("the record of requests is full; clear it between tests")

    def recorded(self, since):
        with self.mutex:
            return self.records[since:]

    def forget(self):
        with self.mutex:
            self.records.clear()
