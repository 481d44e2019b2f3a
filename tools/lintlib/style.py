"""Sizes, complexity and the house rules that are seen in the text (docs: HOUSE_STYLE)."""
import re

from . import clex, cparse
from .files import Finding, c_files, relative

FILE_LINES, TEST_FILE_LINES = 800, 1000
FUNCTION_LINES, COMPLEXITY, NESTING, PARAMETERS = 80, 20, 4, 6
FORBIDDEN_FILES = {"utils", "util", "helpers", "helper", "common", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
ALLOCATORS = {"malloc", "calloc", "realloc", "reallocarray", "free", "strdup", "strndup",
              "asprintf", "vasprintf", "aligned_alloc", "posix_memalign"}
ALLOCATOR_FILE = "src/base/mem.c"
# File-scope state that is not data: once-flags, locks, what a signal handler may touch.
STATE_TYPES = {"pthread_once_t", "pthread_mutex_t", "sig_atomic_t", "const", "typedef", "extern",
               "_Static_assert", "struct", "union", "enum"}


def check(only=None):
    findings, functions, files = [], 0, 0
    for path in c_files(only):
        name = relative(path)
        source = path.read_text(encoding="utf-8")
        files += 1
        is_test = name.startswith("tests/")
        limit = TEST_FILE_LINES if is_test else FILE_LINES
        lines = source.count("\n")
        if lines > limit:
            findings.append(Finding(name, lines, f"file has {lines} lines; {limit} are allowed"))
        if path.stem in FORBIDDEN_FILES:
            findings.append(Finding(name, 1, f"a file called '{path.name}' has no topic"))
        tokens, directives, comments = clex.lex(source)
        findings += unfinished(name, comments)
        found, declarations = cparse.split(tokens)
        functions += len(found)
        for function in found:
            findings += check_function(name, function)
        if not is_test:
            findings += check_words(name, tokens)
            findings += check_state(name, declarations, found)
    return findings, f"{functions} functions in {files} files"


def unfinished(name, comments):
    return [Finding(name, line + text[:match.start()].count("\n"), f"'{match.group()}' promises work")
            for text, line in comments for match in UNFINISHED.finditer(text)]


def check_function(name, function):
    limits = (("lines", function.lines, FUNCTION_LINES),
              ("decisions", function.complexity, COMPLEXITY),
              ("levels of nesting", function.nesting, NESTING),
              ("parameters", function.parameters, PARAMETERS))
    findings = [Finding(name, function.line, f"'{function.name}' has {value} {what}; "
                                             f"{limit} are allowed")
                for what, value, limit in limits if value > limit]
    findings += [Finding(name, line, text) for line, text in function.remarks]
    return findings


def check_words(name, tokens):
    findings = []
    for index, token in enumerate(tokens):
        follows = tokens[index + 1].text if index + 1 < len(tokens) else ""
        before = tokens[index - 1].text if index else ""
        if token.text == "goto":
            findings.append(Finding(name, token.line, "'goto' is not used here"))
        elif token.kind == "name" and token.text in ALLOCATORS and follows == "(" \
                and before not in (".", "->") and name != ALLOCATOR_FILE:
            findings.append(Finding(name, token.line, f"'{token.text}' outside {ALLOCATOR_FILE}"))
    return findings


def check_state(name, declarations, functions):
    """No mutable globals (HOUSE_STYLE 17); src/base/mem.c counts allocations for the tests."""
    if name == ALLOCATOR_FILE:
        return []
    if name.endswith(".h"):
        # There, an object would be defined twice (-fno-common), and what looks like one is a function
        # declared by the name of its type.
        declarations = []
    findings = []
    for declaration in declarations:
        words = {t.text for t in declaration.tokens}
        call = any(t.text == "(" for t in declaration.tokens) and "=" not in words
        if call or words & STATE_TYPES and not is_object(declaration.tokens):
            continue
        if not words & {"const", "typedef", "extern", "pthread_once_t", "pthread_mutex_t",
                        "sig_atomic_t", "_Static_assert"} and len(declaration.tokens) > 1:
            findings.append(Finding(name, declaration.line, "mutable global"))
    for function in functions:
        for index, token in enumerate(function.body):
            if token.text == "static" and is_mutable_static(function.body[index:index + 8]):
                findings.append(Finding(name, token.line, "mutable static in a function"))
    return findings


def is_object(tokens):
    """A struct, union or enum declaration that also names an object."""
    words = [t.text for t in tokens]
    if words[0] == "static":
        words = words[1:]
    if not words or words[0] not in ("struct", "union", "enum"):
        return False
    if "{" in words:
        return words[-1] not in ("}",) and words[0] != "enum"
    return len(words) > 2


def is_mutable_static(tokens):
    words = []
    for token in tokens:
        if token.text in ("=", ";", "["):
            break
        words.append(token.text)
    return not set(words) & {"const", "pthread_once_t", "pthread_mutex_t", "sig_atomic_t"}
