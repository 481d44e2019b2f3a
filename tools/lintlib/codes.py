"""src/base/error_codes.def: sorted, unique, each number known and used."""
import re

from . import clex
from .files import ROOT, Finding, relative

TABLE = "src/base/error_codes.def"
ROW = re.compile(r"^ASSAY_ERROR_NUMBER(?:_EXIT)?\(\s*(\d+)\s*,\s*(ASSAY_\w+)\s*,", re.MULTILINE)
MAKERS = {"assay_error_set", "assay_error_at"}


def check(only=None):
    text = (ROOT / TABLE).read_text(encoding="utf-8")
    findings, seen, last = [], {}, 0
    for match in ROW.finditer(text):
        number = int(match.group(1))
        line = text.count("\n", 0, match.start()) + 1
        if number in seen:
            findings.append(Finding(TABLE, line, f"number {number} stands there twice"))
        elif number < last:
            findings.append(Finding(TABLE, line, f"number {number} comes after {last}"))
        seen[number] = line
        last = max(last, number)
    used = set()
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        tokens, _, _ = clex.lex(path.read_text(encoding="utf-8"))
        used |= {int(t.text) for t in tokens if t.kind == "number" and t.text.isdigit()}
        findings += unknown_numbers(relative(path), tokens, seen)
    findings += [Finding(TABLE, line, f"no code gives the number {number}")
                 for number, line in seen.items() if number not in used]
    return findings, f"{len(seen)} numbers"


def unknown_numbers(name, tokens, known):
    """The third argument of assay_error_set and assay_error_at, where it is a plain number."""
    findings = []
    for index, token in enumerate(tokens):
        if token.text not in MAKERS or index + 1 >= len(tokens) or tokens[index + 1].text != "(":
            continue
        arguments, depth = [[]], 0
        for inner in tokens[index + 2:clex.matching(tokens, index + 1) - 1]:
            depth += inner.text in ("(", "[", "{")
            depth -= inner.text in (")", "]", "}")
            if inner.text == "," and depth == 0:
                arguments.append([])
            else:
                arguments[-1].append(inner)
        if len(arguments) > 2 and len(arguments[2]) == 1 and arguments[2][0].text.isdigit():
            number = int(arguments[2][0].text)
            if number and number not in known:
                findings.append(Finding(name, token.line, f"number {number} is not in {TABLE}"))
    return findings
