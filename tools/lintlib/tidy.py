"""clang-tidy over the .c files, in parallel; a file that was clean is not looked at again until it,
a header it includes, the checks or the compiler's flags change."""
import hashlib
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .files import ROOT, Finding, c_files, relative

BUILD = ROOT / "build" / "lint"
ANALYZER = Path(__file__).with_name("analyzer.h")
DEFINES_ERRORS = "src/base/error.c"
INCLUDE = re.compile(rb'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
MESSAGE = re.compile(r"^(?P<path>/[^:]+):(?P<line>\d+):\d+: (?:warning|error): (?P<text>.*)$")


def configure():
    """A compile database of clang; nothing is built."""
    command = ["cmake", "-S", str(ROOT), "-B", str(BUILD), "-G", "Ninja",
               "-DCMAKE_C_COMPILER=clang", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O1"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"cmake cannot configure for clang-tidy:\n{result.stderr}")
    entries = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    return {entry["file"]: entry["command"] for entry in entries}


def closure(path, seen):
    """The project's files that `path` includes, with their content."""
    if path in seen:
        return
    content = path.read_bytes()
    seen[path] = content
    for name in INCLUDE.findall(content):
        for folder in (ROOT / "src", ROOT / "include", ROOT / "tests", path.parent):
            candidate = folder / name.decode("utf-8", "replace")
            if candidate.is_file():
                closure(candidate.resolve(), seen)
                break


def fingerprint(path, command, base):
    seen = {}
    closure(path, seen)
    digest = hashlib.sha256(base)
    # The cache outlives the checkout, so the checkout's own path is not part of the key.
    digest.update(command.replace(str(ROOT), "").encode())
    for name in sorted(seen):
        digest.update(relative(name).encode() + b"\0" + seen[name] + b"\0")
    return digest.hexdigest()


def run_one(path):
    command = ["clang-tidy", "--quiet", "-p", str(BUILD), str(path)]
    if relative(path) != DEFINES_ERRORS:
        command += ["--extra-arg=-include", f"--extra-arg={ANALYZER}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    findings = []
    for line in result.stdout.splitlines():
        match = MESSAGE.match(line)
        if match and Path(match["path"]).is_relative_to(ROOT):
            findings.append(Finding(relative(match["path"]), int(match["line"]), match["text"]))
        elif match:
            findings.append(Finding(relative(path), 1, line))
    if result.returncode != 0 and not findings:
        findings.append(Finding(relative(path), 1, f"clang-tidy failed: {result.stderr[-500:]}"))
    return findings


def check(only=None):
    commands = configure()
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    base = version + (ROOT / ".clang-tidy").read_bytes() + ANALYZER.read_bytes()
    cache = Path(os.environ["ASSAY_LINT_CACHE"]) / "tidy"
    cache.mkdir(parents=True, exist_ok=True)
    work, known = [], 0
    for path in c_files(only):
        if path.suffix != ".c" or str(path) not in commands:
            continue
        stamp = cache / fingerprint(path, commands[str(path)], base)
        if stamp.exists():
            stamp.touch()
            known += 1
        else:
            work.append((path, stamp))
    findings = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (path, stamp), found in zip(work, pool.map(run_one, [path for path, _ in work])):
            findings += found
            if not found:
                stamp.touch()
    findings = sorted(set(findings), key=lambda f: (f.path, f.line, f.text))
    return findings, f"{len(work) + known} files, {known} of them unchanged since they were clean"
