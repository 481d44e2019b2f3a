"""The lint sees what it promises to see; each rule with the code that breaks it."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from lintlib import clex, cparse, layers, style  # noqa: E402


def functions(source):
    return cparse.split(clex.lex(source)[0])[0]


def declarations(source):
    found, others = cparse.split(clex.lex(source)[0])
    return style.check_state("src/x/y.c", others, found)


def test_strings_comments_and_line_continuations_are_not_code():
    tokens, directives, comments = clex.lex(
        '#define A \\\n  goto /* x */ b\nchar *s = "goto // \\" /*";\n/* goto\n */ int y; // goto\n')
    assert [t.text for t in tokens] == ["char", "*", "s", "=", '"goto // \\" /*"', ";",
                                        "int", "y", ";"]
    assert [d.line for d in directives] == [1]
    assert [line for _, line in comments] == [4, 5]
    assert tokens[-1].line == 5


def test_a_function_is_found_behind_attributes_and_macros():
    found = functions("""
ASSAY_NODISCARD static assay_status
read_all(const char *path, int (*visit)(void *arg, int n), void *arg)
{
    return ASSAY_OK;
}
struct pair { int a, b; };
static const struct pair PAIRS[] = {{1, 2}, {3, 4}};
enum { LIMIT = 3 };
void empty(void) {}
""")
    assert [(f.name, f.parameters, f.lines) for f in found] == [("read_all", 3, 5), ("empty", 0, 1)]


def test_nesting_counts_levels_not_braces_and_not_else_if():
    source = """
void f(void)
{
    struct pair p = {{1}, {2}};
    if (a)
        for (;;)
            while (b) {
                if (c)
                    d();
            }
    else if (e) {
        g();
    } else if (h) {
        i();
    }
}
"""
    (function,) = functions(source)
    assert function.nesting == 4
    assert function.complexity == 7


def test_decisions_of_a_condition_count():
    (function,) = functions("int f(int a) { return a > 1 && a < 4 || a == 9 ? 1 : 0; }")
    assert function.complexity == 4


@pytest.mark.parametrize("source, remark", [
    ("void f(void) { if ((a = b)) c(); }", "assignment in a condition"),
    ("void f(void) { while ((a = next()) != 0) c(); }", "assignment in a condition"),
    ("void f(void) { switch (k) { case ASSAY_A: x(); break; default: y(); } }",
     "'default:' in a switch over our own enum"),
])
def test_house_rules_of_statements(source, remark):
    (function,) = functions(source)
    assert [text for _, text in function.remarks] == [remark]


@pytest.mark.parametrize("source", [
    "void f(void) { for (i = 0; i < n; i++) c(); }",
    "void f(void) { switch (c) { case 'a': x(); break; default: y(); } }",
    "void f(void) { if (a == b || c <= d) e(); }",
])
def test_ordinary_statements_are_left_alone(source):
    (function,) = functions(source)
    assert function.remarks == []


@pytest.mark.parametrize("source", ["static int count;", "int count = 3;", "static char *names[4];",
                                    "static struct state now;",
                                    "void f(void) { static int calls; calls++; }"])
def test_a_mutable_global_is_found(source):
    assert len(declarations(source)) == 1


@pytest.mark.parametrize("source", [
    "static const int LIMIT = 3;", "extern const char *const NAMES[];", "struct state;",
    "typedef struct state { int a; } state;", "int f(int a, char *b);", "enum { A, B };",
    "static pthread_once_t once = PTHREAD_ONCE_INIT;", "_Static_assert(sizeof(int) == 4, \"\");",
    "static volatile sig_atomic_t stopped;", "struct row { int a; };",
    "void f(void) { static const int X[] = {1}; }",
    "ASSAY_NODISCARD int g(void);",
])
def test_constants_types_and_functions_are_no_mutable_globals(source):
    assert declarations(source) == []


def test_a_room_sees_only_the_rooms_it_uses():
    headers = {"duckdb.h": ["engine"], "openssl/*": ["store"]}
    check = layers.check_include
    assert check("text", '"', "base/str.h", ["base"], headers) is None
    assert check("text", '"', "text/json.h", ["base"], headers) is None
    assert check("text", '"', "engine/engine.h", ["base"], headers) is not None
    assert check("text", '"', "../engine/engine.h", ["base"], headers) is not None
    assert check("text", "<", "duckdb.h", ["base"], headers) is not None
    assert check("engine", "<", "duckdb.h", ["base"], headers) is None
    assert check("store", "<", "openssl/evp.h", ["base"], headers) is None
    assert check("text", "<", "openssl/evp.h", ["base"], headers) is not None
    assert check("text", "<", "string.h", ["base"], headers) is None


def test_goto_and_malloc_and_promises_are_found():
    source = "void f(void) { goto out; p->free(x); free(x); }"
    found = style.check_words("src/x/y.c", clex.lex(source)[0])
    assert [finding.text for finding in found] == ["'goto' is not used here",
                                                   "'free' outside src/base/mem.c"]
    comments = clex.lex("/* one\n * " + "TO" + "DO two */")[2]
    assert [finding.line for finding in style.unfinished("x.c", comments)] == [2]


def test_the_layers_file_names_every_room_in_the_order_that_cmake_builds_them():
    rooms, headers, _ = layers.read_layers()
    assert rooms[0] == "base" and rooms[-1] == "cli"
    assert layers.owners("duckdb.h", headers) == ["engine"]
    assert layers.owners("openssl/sha.h", headers) == ["store"]


def test_tests_are_added_up_over_all_their_kinds(tmp_path):
    (tmp_path / "unit.log").write_text(
        "1/3 Testing: text/test_a\n1/3 Test: text/test_a\nCommand: \"x\"\n[ RUN      ] one\n[       OK ] one\n[ RUN      ] two\n"
        "[  FAILED  ] two\n[  PASSED  ] 1 test(s).\n[  FAILED  ] 1 test(s), listed below:\n"
        "[  FAILED  ] two\nTest Failed.\n"
        "2/3 Testing: text/test_b\n[       OK ] one\n==1==ERROR: LeakSanitizer\nTest Failed.\n"
        "3/3 Testing: fuzz/json\n3/3 Test: fuzz/json\n[  PASSED  ] 4 test(s).\nTest Passed.\n", encoding="utf-8")
    (tmp_path / "python.xml").write_text(
        '<testsuites><testsuite><testcase classname="a" name="b"/>'
        '<testcase classname="a" name="c"><skipped message="why"/></testcase>'
        '<testcase classname="a" name="d"><failure/></testcase></testsuite></testsuites>',
        encoding="utf-8")
    (tmp_path / "lint.txt").write_text("passed lint/style 0 findings\n", encoding="utf-8")
    result = subprocess.run([sys.executable, ROOT / "tools/count_tests.py", tmp_path],
                            capture_output=True, text=True, check=False)
    lines = result.stdout.splitlines()
    assert lines[-1] == "8 passed, 3 failed, 1 skipped"
    assert "skipped: a::c (why)" in lines
    assert result.returncode == 1


def test_a_run_without_tests_is_no_success(tmp_path):
    result = subprocess.run([sys.executable, ROOT / "tools/count_tests.py", tmp_path],
                            capture_output=True, text=True, check=False)
    assert result.stdout == "0 passed, 0 failed, 0 skipped\n"
    assert result.returncode == 1


def test_parameters_are_counted_without_the_error_that_closes_them():
    source = "int f(int a, char *b, int (*c)(int, int), int *ret_d, assay_error *err) { return 0; }"
    (function,) = functions(source)
    assert function.parameters == 4
    (function,) = functions("int f(assay_error *err) { return 0; }")
    assert function.parameters == 0
