"""What `make install` lays down works by itself: the program, pkg-config and the CMake config."""
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
#include <assay/error.h>
#include <stdio.h>

int main(void)
{
    return puts(assay_status_name(ASSAY_ECONFLICT)) < 0;
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(assay REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE assay::assay)
"""


def run(*command, **kwargs):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            check=False, **kwargs)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def prefix(assay, tmp_path_factory):
    build = assay.binary.parents[1]
    if not (build / "lib" / "libassay.so").exists():
        pytest.skip(f"{build} was built without libassay (a sanitizer's build)")
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", build, "--prefix", folder)
    return folder


def test_the_installed_program_runs_without_the_environment(prefix):
    assert "assay" in run(prefix / "bin/assay", "version", env={})


def test_a_c_program_builds_with_pkg_config(prefix, tmp_path):
    (config,) = prefix.glob("lib*/**/pkgconfig")
    (tmp_path / "user.c").write_text(PROGRAM, encoding="utf-8")
    env = dict(os.environ, PKG_CONFIG_PATH=str(config))
    flags = run("pkg-config", "--cflags", "--libs", "assay", env=env).split()
    run("cc", tmp_path / "user.c", "-o", tmp_path / "user", *flags)
    library = str(config.parent)
    assert run(tmp_path / "user", env={"LD_LIBRARY_PATH": library}) == "ECONFLICT\n"


def test_a_c_program_builds_with_the_cmake_config(prefix, tmp_path):
    (tmp_path / "user.c").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "CMakeLists.txt").write_text(PROJECT, encoding="utf-8")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "b")
    assert run(tmp_path / "b/user", env={}) == "ECONFLICT\n"


def test_the_installed_program_has_drivers_and_extensions_along(prefix, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "assay.yaml").write_text("name: test\n", encoding="utf-8")
    (tmp_path / "config/connections.yaml").write_text(
        "pg: {type: postgres, host: 127.0.0.1, port: 1, database: d, user: u}\n"
        "sf: {type: snowflake, account: a, user: u, auth: password, password: 'env:PW',\n"
        "     host: 127.0.0.1, port: 1, protocol: http, login_timeout: 5s}\n", encoding="utf-8")
    result = subprocess.run([prefix / "bin/assay", "doctor", "--output", "json"], cwd=tmp_path,
                            env={"ASSAY_CACHE": str(tmp_path), "PW": "some-password"}, text=True,
                            capture_output=True, check=False)
    seen = {f["what"]: f["seen"] for f in json.loads(result.stdout)["findings"]}
    assert "cannot log in" in seen["connection pg"], result.stdout
    assert "cannot log in" in seen["connection sf"], result.stdout
