#!/usr/bin/env python3
"""Adds up what tools/test left in a folder and prints what failed, what was skipped and why, and
one closing line. Exit status 1 where a test failed or none ran."""
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

START = re.compile(r"^\d+/\d+ Testing: (\S+)$", re.MULTILINE)
OK = re.compile(r"^\[       OK \] (\S+)", re.MULTILINE)
FAILED = re.compile(r"^\[  FAILED  \] (\S+)$", re.MULTILINE)
SKIPPED = re.compile(r"^\[  SKIPPED \] (\S+)$", re.MULTILINE)
REPLAYED = re.compile(r"^\[  PASSED  \] (\d+) test\(s\)", re.MULTILINE)


def read_unit(path):
    """One entry a cmocka test of ctest's log; a program that died adds a failure of its own."""
    text = path.read_text(encoding="utf-8", errors="replace")
    starts = list(START.finditer(text))
    for start, following in zip(starts, starts[1:] + [None]):
        body = text[start.end():following.start() if following else len(text)]
        program = start.group(1)
        passed, failed = OK.findall(body), set(FAILED.findall(body))
        yield from (("passed", f"{program}: {name}", "") for name in passed)
        yield from (("failed", f"{program}: {name}", "") for name in sorted(failed))
        yield from (("skipped", f"{program}: {name}", "the test says why in its output")
                    for name in sorted(set(SKIPPED.findall(body))))
        if program.startswith("fuzz/"):
            replayed = REPLAYED.search(body)
            yield from (("passed", program, "") for _ in range(int(replayed[1]) if replayed else 0))
        if "Test Passed." not in body and not failed:
            yield "failed", program, "the program ended badly (see build/results/ctest.log)"


def read_python(path):
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield "failed", name, ""
        elif skipped is not None:
            yield "skipped", name, skipped.get("message") or "no reason given"
        else:
            yield "passed", name, ""


def read_lines(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        state, name, text = (line.split(" ", 2) + [""])[:3]
        yield state, name, text


READERS = {"unit.log": read_unit, "python.xml": read_python, "lint.txt": read_lines,
           "broken.txt": read_lines}


def main():
    folder = Path(sys.argv[1])
    tests = []
    for name, reader in READERS.items():
        if (folder / name).exists():
            tests += reader(folder / name)
    counts = {state: sum(1 for test in tests if test[0] == state)
              for state in ("passed", "failed", "skipped")}
    for state in ("skipped", "failed"):
        for found, name, text in tests:
            if found == state:
                print(f"{state}: {name}" + (f" ({text})" if text else ""))
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
