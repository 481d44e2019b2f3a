"""libassay itself, called from Python: what a C program would do with an Arrow stream.

    with library.Library(project.root, assay.binary) as lib:
        result = lib.publish(rows, to="there", table="t", mode="append")   # a dict
        # library.Refused has .status, .number and the message
"""
import ctypes as c

import pyarrow

MODES = ["overwrite", "append", "merge"]


class Error(c.Structure):
    _fields_ = [("code", c.c_int), ("retryable", c.c_bool), ("native", c.c_int), ("number", c.c_int),
                ("line", c.c_int), ("column", c.c_int), ("sqlstate", c.c_char * 6),
                ("path", c.c_char * 256), ("message", c.c_char * 1024)]


class Options(c.Structure):
    _fields_ = [("project", c.c_char_p), ("target", c.c_char_p), ("now", c.c_char_p),
                ("memory_limit", c.c_uint64), ("threads", c.c_int), ("log", c.c_void_p),
                ("log_user", c.c_void_p), ("log_from", c.c_int)]


Texts = c.POINTER(c.c_char_p)


class Target(c.Structure):
    _fields_ = [("connection", c.c_char_p), ("table", c.c_char_p), ("mode", c.c_int), ("key", Texts),
                ("version", c.c_char_p), ("delete_column", c.c_char_p), ("deleted", Texts),
                ("delete_absent", c.c_bool), ("preserve_case", c.c_bool), ("columns", Texts)]


class Source(c.Structure):
    _fields_ = [("table", c.c_char_p), ("stream", c.c_void_p), ("suite", c.c_char_p), ("id", c.c_char_p)]


class Result(c.Structure):
    _fields_ = [("publish_id", c.c_char * 32), ("already", c.c_bool), ("rows", c.c_int64),
                ("inserted", c.c_int64), ("updated", c.c_int64), ("deleted", c.c_int64),
                ("snapshot_id", c.c_int64)]


class Stream(c.Structure):
    """struct ArrowArrayStream; `release` is NULL once it is released."""

    _fields_ = [("get_schema", c.c_void_p), ("get_next", c.c_void_p), ("get_last_error", c.c_void_p),
                ("release", c.c_void_p), ("private_data", c.c_void_p)]


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error.message.decode("utf-8", "replace"))
        self.status, self.number, self.retryable = error.code, error.number, error.retryable


def encoded(text):
    return None if text is None else text.encode()


def texts(names):
    return None if names is None else (c.c_char_p * (len(names) + 1))(*map(encoded, names), None)


def reader(rows):
    """A stream of a pyarrow table; other streams as they are."""
    if not isinstance(rows, pyarrow.Table):
        return rows
    return pyarrow.RecordBatchReader.from_batches(rows.schema, rows.to_batches())


class Library:
    def __init__(self, project, binary):
        self.library = c.CDLL(str(binary.parents[1] / "lib/libassay.so"))
        self.context = c.c_void_p()
        self.call("assay_context_open", c.byref(Options(project=encoded(str(project)), threads=2)),
                  c.byref(self.context))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.assay_context_close(self.context)

    def call(self, name, *arguments):
        error = Error()
        if getattr(self.library, name)(*arguments, c.byref(error)) != 0:
            raise Refused(error)

    def publish(self, rows=None, source=None, to="there", table="t", mode="append", key=None, columns=None,
                suite=None, id=None, **more):
        """`rows`: a pyarrow table or a RecordBatchReader; `source`: the name of a table."""
        stream = Stream()
        if rows is not None:
            reader(rows)._export_to_c(c.addressof(stream))
        lists = {"key": texts(key), "columns": texts(columns), "deleted": texts(more.pop("deleted", None))}
        target = Target(connection=encoded(to), table=encoded(table), mode=MODES.index(mode),
                        **{name: c.cast(value, Texts) for name, value in lists.items() if value},
                        **{name: encoded(value) if isinstance(value, str) else value
                           for name, value in more.items()})
        what = Source(table=encoded(source), stream=c.addressof(stream) if rows is not None else None,
                      suite=encoded(suite), id=encoded(id))
        result = Result()
        try:
            self.call("assay_publish", self.context, c.byref(what), c.byref(target), c.byref(result))
        finally:
            assert not stream.release, "the stream is not released"
        return {name: getattr(result, name) for name, _ in Result._fields_}
