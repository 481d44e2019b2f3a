"""The conformance suite of publishing, which a C program runs, against the stand-in for Snowflake."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_SECONDS = 600


def test_publishing_to_snowflake_passes_the_conformance_suite(snowflake):
    built = sorted(ROOT.glob("build/*/tests/warehouse/test_snowflake"),
                   key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.skip("the unit tests are not built")
    target = snowflake.database()
    connection = target.connection()
    env = {**os.environ, **snowflake.env, "ASSAY_TEST_SNOWFLAKE_PORT": str(connection["port"]),
           "ASSAY_TEST_SNOWFLAKE_USER": connection["user"],
           "ASSAY_TEST_SNOWFLAKE_DATABASE": connection["database"]}
    run = subprocess.run([built[-1]], env=env, capture_output=True, text=True,
                         timeout=TIMEOUT_SECONDS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SKIP" not in run.stdout
    assert run.stdout.count("[       OK ]") + run.stderr.count("[       OK ]") > 20
