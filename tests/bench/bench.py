"""Times the retail example beside the same SQL in a bare DuckDB script; one JSON line a figure.

    tools/bench PROGRAM [--scale 1 --scale 10] [--format iceberg ...] [--rounds 3] [--no-check]

Subject and peer take turns in one run, medians count, and the gold tables of both are compared before
any time is printed. A goal that is missed is printed as missed; it fails nothing.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / "tests/bench/duckdb_script.py"
GOAL = 1.15
COMPARED_LAYER = "gold"

sys.path.insert(0, str(ROOT / "tests/python"))

import peers  # noqa: E402


def timed(command, **kwargs):
    """(seconds, peak megabytes) of one process."""
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, **kwargs)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    if process.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {process.returncode}:\n{errors}")
    return seconds, usage.ru_maxrss / 1024


def make_project(program, folder, scale, table_format):
    subprocess.run([program, "init", "retail", folder, "--scale", str(scale), "--seed", "1",
                    "--asof", "2025-01-31"], check=True, stdout=subprocess.DEVNULL)
    environment = dict(os.environ, ASSAY_FORMAT=table_format)
    return environment


def forget(project):
    """Makes the next run a first run."""
    shutil.rmtree(project / "lake", ignore_errors=True)
    shutil.rmtree(project / ".assay", ignore_errors=True)


def same_gold(project, output, table_format):
    connection = peers.duckdb_connect()
    for peer in sorted(output.glob(f"{COMPARED_LAYER}.*.parquet")):
        layer, table = peer.stem.split(".")
        ours = peers.read_duckdb(str(project / "lake" / layer / table), table_format, connection)
        theirs = duckdb.read_parquet(str(peer))
        columns = ", ".join(f'"{name}"' for name in theirs.columns)
        compare = duckdb.connect()
        compare.register("ours", ours)
        differing = compare.execute(
            f"SELECT count(*) FROM ((SELECT {columns} FROM ours EXCEPT ALL "
            f"SELECT {columns} FROM read_parquet(?)) UNION ALL (SELECT {columns} FROM "
            f"read_parquet(?) EXCEPT ALL SELECT {columns} FROM ours))",
            [str(peer), str(peer)]).fetchone()[0]
        if differing:
            print(f"bench: {differing} rows of {peer.stem} differ", file=sys.stderr)
            return False
    return True


def measure(program, work, scale, table_format, rounds, check):
    project, output = work / f"{table_format}-{scale}", work / f"peer-{table_format}-{scale}"
    environment = make_project(program, project, scale, table_format)
    ours, theirs, peak, peer_peak = [], [], 0.0, 0.0
    for _ in range(rounds):
        forget(project)
        seconds, megabytes = timed([program, "run", "--now", "2025-01-31T12:00:00Z"], cwd=project,
                                   env=environment)
        ours.append(seconds)
        peak = max(peak, megabytes)
        shutil.rmtree(output, ignore_errors=True)
        seconds, megabytes = timed([sys.executable, PEER, project, output])
        theirs.append(seconds)
        peer_peak = max(peer_peak, megabytes)
    correct = same_gold(project, output, table_format) if check else None
    seconds, peer_seconds = statistics.median(ours), statistics.median(theirs)
    nothing, _ = timed([program, "run"], cwd=project, env=environment)
    figure = {"bench": f"pipeline/{table_format}/x{scale}", "seconds": round(seconds, 3),
              "peer": "duckdb script", "peer_seconds": round(peer_seconds, 3),
              "ratio": round(seconds / peer_seconds, 3), "goal": f"<= {GOAL}",
              "met": seconds / peer_seconds <= GOAL, "peak_mb": round(peak),
              "peer_peak_mb": round(peer_peak), "correct": correct}
    print(json.dumps(figure), flush=True)
    print(json.dumps({"bench": f"nothing-to-do/{table_format}/x{scale}",
                      "seconds": round(nothing, 3)}), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--scale", type=float, action="append")
    parser.add_argument("--format", action="append", choices=["iceberg", "delta", "parquet"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-check", action="store_true")
    options = parser.parse_args()
    program = Path(options.program).resolve()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as work:
        for scale in options.scale or [1, 10]:
            scale = int(scale) if scale == int(scale) else scale
            for table_format in options.format or ["iceberg", "delta", "parquet"]:
                measure(program, Path(work), scale, table_format, options.rounds,
                        not options.no_check)


if __name__ == "__main__":
    main()
