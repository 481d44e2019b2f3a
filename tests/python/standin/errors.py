"""Errors with Snowflake's vendor code and SQLSTATE."""


class SnowflakeError(Exception):
    def __init__(self, code, sqlstate, message):
        super().__init__(message)
        self.code = f"{code:06d}" if isinstance(code, int) else code
        self.sqlstate = sqlstate
        self.message = message


def cancelled():
    return SnowflakeError(604, "57014", "SQL execution canceled")


def timed_out(seconds):
    return SnowflakeError(630, "57014", "Statement reached its statement or warehouse timeout of "
                          f"{seconds:g} second(s) and was canceled.")


def locked(what):
    return SnowflakeError(625, "57014", f"Statement has waited for the lock on {what}, which is held "
                          "by another transaction, and this lock has not yet been released.")


def deadlock():
    return SnowflakeError(200001, "40001", "The transaction was aborted: deadlock with another one.")
