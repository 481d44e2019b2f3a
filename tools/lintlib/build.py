"""Checks that need the compiler: format, headers alone, exported symbols."""
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from . import clex
from .files import ROOT, Finding, c_files, relative

PLACE = re.compile(r"^([^:]+):(\d+):\d+: (?:fatal )?(?:warning|error): (.*)$")


def check_format(only=None):
    files = [str(path) for path in c_files(only)]
    findings = []
    for start in range(0, len(files), 50):
        result = subprocess.run(["clang-format", "--dry-run", *files[start:start + 50]],
                                capture_output=True, text=True, check=False)
        for line in result.stderr.splitlines():
            match = PLACE.match(line)
            if match:
                findings.append(Finding(relative(match[1]), int(match[2]),
                                        "not formatted (clang-format -i)"))
    return findings, f"{len(files)} files"


def header_commands(path):
    flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused-function",
             "-I", str(ROOT / "include")]
    if path.is_relative_to(ROOT / "include"):
        yield "C11", ["gcc", "-std=c11", "-x", "c", *flags]
        yield "C++17", ["g++", "-std=c++17", "-x", "c++", *flags]
    else:
        yield "C17", ["gcc", "-std=c17", "-x", "c", *flags, "-I", str(ROOT / "src"),
                      "-D_POSIX_C_SOURCE=200809L", "-D_DEFAULT_SOURCE",
                      "-isystem", os.environ["ASSAY_DUCKDB_INCLUDE"],
                      "-isystem", os.environ["ASSAY_ADBC_INCLUDE"]]


def check_header(path):
    """A header compiles with nothing before it; those of src/ too, so that include order is free."""
    findings = []
    for language, command in header_commands(path):
        result = subprocess.run([*command, "-"], input=f'#include "{path}"\n', cwd=ROOT,
                                capture_output=True, text=True, check=False)
        if result.returncode == 0:
            continue
        first = next((PLACE.match(line) for line in result.stderr.splitlines()
                      if PLACE.match(line)), None)
        text = f"{first[1]}: {first[3]}" if first else result.stderr.strip()[-200:]
        text = text.replace(f"{ROOT}/", "")
        findings.append(Finding(relative(path), int(first[2]) if first else 1,
                                f"does not compile alone as {language}: {text}"))
    return findings


def check_headers(only=None):
    headers = [path for path in c_files(only) if path.suffix == ".h"
               and not relative(path).startswith("tests/")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [f for found in pool.map(check_header, headers) for f in found]
    return findings, f"{len(headers)} headers"


def declared_symbols():
    """name -> (file, line) of what include/assay marks ASSAY_API."""
    declared = {}
    for path in sorted((ROOT / "include").rglob("*.h")):
        tokens, _, _ = clex.lex(path.read_text(encoding="utf-8"))
        for index, token in enumerate(tokens):
            if token.text != "ASSAY_API":
                continue
            position = index + 1
            while position < len(tokens) and tokens[position].text not in ("(", ";", "[", "="):
                position += 1
            name = tokens[position - 1]
            declared[name.text] = (relative(path), name.line)
    return declared


def check_symbols(only=None):
    library = ROOT / "build" / "release" / "lib" / "libassay.so"
    if not library.exists():
        return None, f"{relative(library.parent)} has no libassay (make builds it)"
    output = subprocess.run(["nm", "--dynamic", "--defined-only", str(library)],
                            capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1] for line in output.splitlines() if line.split()}
    declared = declared_symbols()
    findings = [Finding(*declared[name], f"'{name}' is declared, and libassay does not have it")
                for name in sorted(declared.keys() - exported)]
    findings += [Finding("include/assay", 1, f"libassay shows '{name}', which no header declares")
                 for name in sorted(exported - declared.keys())]
    return findings, f"{len(exported)} symbols"
