"""Connections as `assay doctor` sees them: drivers, secrets, logins, limits of time."""
import os
import shutil
import socket
import subprocess
import time

import pytest

import peers
from postgres_server import PASSWORD as PG_PASSWORD
from postgres_server import free_port
from snowflake_standin import PASSWORD as SF_PASSWORD
from snowflake_standin import SWITCHES

SLACK_SECONDS = 6  # for a busy machine, beyond the limit that the connection has


def look(project, name, env=None):
    """The finding of `assay doctor` about one connection, and the whole result."""
    result = project.run("doctor", "--output", "json", env=env)
    findings = {f["what"]: f for f in result.json()["findings"]}
    return findings[f"connection {name}"], result


def connections(project, **entries):
    project.write("config/connections.yaml", entries)


# ---- logins that work ----

def test_doctor_logs_in_to_postgres(project, postgres):
    connections(project, pg=postgres.database().connection())
    finding, result = look(project, "pg", postgres.env)
    assert finding["ok"], result
    assert "logged in" in finding["seen"]


@pytest.mark.parametrize("auth", ["password", "key_pair", "locked_key", "pat", "oauth"])
def test_doctor_logs_in_to_snowflake_in_every_way(project, snowflake, auth):
    connections(project, sf=snowflake.database().connection(auth=auth))
    finding, result = look(project, "sf", snowflake.env)
    assert finding["ok"], result


def test_a_redshift_connection_takes_its_login_from_one_secret(project, postgres, tmp_path):
    database = postgres.database()
    said = database.connection()
    secret = tmp_path / "secret.json"
    secret.write_text('{"username": "%s", "password": "%s", "host": "127.0.0.1", "port": %d, '
                      '"dbname": "%s"}' % (said["user"], PG_PASSWORD, said["port"],
                                           said["database"]))
    secret.chmod(0o600)
    connections(project, rs={"type": "redshift", "secret": f"file:{secret}", "sslmode": "disable"})
    finding, result = look(project, "rs", postgres.env)
    assert finding["ok"], result


@pytest.mark.parametrize("password", ["", '"password": "", ', '"password": null, '])
def test_a_secret_of_a_login_without_password_is_refused(project, postgres, tmp_path, password):
    said = postgres.database().connection()
    secret = tmp_path / "secret.json"
    secret.write_text('{"username": "%s", %s"host": "127.0.0.1", "port": %d, "dbname": "%s"}'
                      % (said["user"], password, said["port"], said["database"]))
    secret.chmod(0o600)
    connections(project, rs={"type": "redshift", "secret": f"file:{secret}", "sslmode": "disable"})
    finding, result = look(project, "rs", {**postgres.env, "PGPASSWORD": PG_PASSWORD})
    assert not finding["ok"], result
    assert "'password'" in finding["seen"]


# ---- logins that do not ----

def test_a_wrong_password_is_refused_by_postgres_and_not_shown(project, postgres):
    entry = postgres.database().connection(password="env:WRONG")
    connections(project, pg=entry)
    finding, result = look(project, "pg", {"WRONG": "hunter2-is-wrong"})
    assert not finding["ok"]
    assert "password authentication failed" in finding["seen"]
    assert "correct the user, the secret" in finding["fix"]
    assert "hunter2" not in result.out + result.err


def test_a_wrong_password_is_refused_by_snowflake_and_not_shown(project, snowflake):
    connections(project, sf=snowflake.database().connection(password="env:WRONG"))
    finding, result = look(project, "sf", {**SWITCHES, "WRONG": "hunter2-is-wrong"})
    assert not finding["ok"]
    assert "correct the user, the secret" in finding["fix"], finding
    assert "hunter2" not in result.out + result.err


def test_a_wrong_passphrase_of_a_key_is_an_error_without_the_passphrase(project, snowflake):
    entry = snowflake.database().connection(auth="locked_key", private_key_passphrase="env:WRONG")
    connections(project, sf=entry)
    finding, result = look(project, "sf", {**SWITCHES, "WRONG": "hunter2-is-wrong"})
    assert not finding["ok"]
    assert "hunter2" not in result.out + result.err


def openssl(*args):
    return subprocess.run(["openssl", *args], capture_output=True, check=True).stdout


@pytest.mark.parametrize("kind, words", [
    ("text", "no PEM file"), ("damaged", "is damaged"), ("pkcs1", "PKCS #1"), ("ec", "no RSA key"),
    ("locked", "needs 'private_key_passphrase'"), ("wrong", "passphrase is wrong"),
    ("other", "JWT token is invalid"), ("bom", "JWT token is invalid"), ("crlf", "JWT token is invalid")])
def test_a_private_key_that_cannot_be_used_is_told_and_not_shown(project, snowflake, tmp_path, kind,
                                                                words):
    key = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    plain = tmp_path / "plain"
    plain.write_bytes(key)
    if kind == "pkcs1":
        key = openssl("rsa", "-in", str(plain), "-traditional")
    elif kind == "ec":
        key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    elif kind in ("locked", "wrong"):
        key = openssl("pkcs8", "-topk8", "-in", str(plain), "-passout", "pass:right")
    key = {"text": b"hunter2-secret", "bom": b"\xef\xbb\xbf" + key, "crlf": key.replace(b"\n", b"\r\n"),
           "damaged": key[:200] + key[264:]}.get(kind, key)
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "key").chmod(0o600)
    entry = snowflake.database().connection(auth="key_pair", private_key=f"file:{tmp_path / 'key'}")
    if kind == "wrong":
        entry["private_key_passphrase"] = "env:WRONG"
    connections(project, sf=entry)
    finding, result = look(project, "sf", {**snowflake.env, "WRONG": "hunter2-is-wrong"})
    assert not finding["ok"] and words in finding["seen"], result
    assert "correct the user, the secret" in finding["fix"], finding
    lines = [line.strip().decode() for line in key.splitlines() if b"-----" not in line]
    assert not [line for line in lines if line in result.out + result.err]
    assert "hunter2" not in result.out + result.err


@pytest.mark.parametrize("kind", ["postgres", "snowflake"])
def test_an_unreachable_host_is_an_error_within_the_login_timeout(project, kind):
    entry = {"postgres": {"type": "postgres", "host": "127.0.0.1", "database": "d", "user": "u"},
             "snowflake": {"type": "snowflake", "account": "a", "user": "u", "auth": "password",
                           "password": "env:PW", "host": "127.0.0.1", "protocol": "http"}}[kind]
    entry.update(port=free_port(), login_timeout="3s")
    connections(project, gone=entry)
    begin = time.monotonic()
    finding, result = look(project, "gone", {"PW": "some-password"})
    assert time.monotonic() - begin < 3 + SLACK_SECONDS, result
    assert not finding["ok"]
    assert "try again" in finding["fix"], finding


@pytest.mark.parametrize("kind", ["postgres", "snowflake"])
def test_a_server_that_accepts_and_never_answers_is_given_up_in_time(project, kind):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(20)
        entry = {"postgres": {"type": "postgres", "database": "d", "user": "u"},
                 "snowflake": {"type": "snowflake", "account": "a", "user": "u",
                               "auth": "password", "password": "env:PW",
                               "protocol": "http"}}[kind]
        entry.update(host="127.0.0.1", port=server.getsockname()[1], login_timeout="2s")
        connections(project, mute=entry)
        begin = time.monotonic()
        finding, result = look(project, "mute", {"PW": "some-password"})
        assert time.monotonic() - begin < 2 + SLACK_SECONDS, result
    assert not finding["ok"]
    assert "try again" in finding["fix"], finding


@pytest.mark.parametrize("change, words, fix", [
    ({"password": "env:WRONG"}, "password authentication failed", "correct the user, the secret"),
    ({"database": "nope"}, "does not exist", "then try again"),
    ({"sslmode": "require"}, "SSL", "then try again"), ({"port": 1}, "refused", "then try again")])
def test_a_redshift_connection_that_fails_is_told_like_the_others(project, postgres, change, words, fix):
    entry = postgres.database().connection(type="redshift", **{"sslmode": "disable", **change})
    connections(project, rs=entry)
    finding, result = look(project, "rs", {**postgres.env, "WRONG": "hunter2-is-wrong"})
    assert not finding["ok"] and words in finding["seen"] and fix in finding["fix"], finding
    assert "hunter2" not in result.out + result.err
    assert "connect_timeout" not in finding["seen"]


def test_a_redshift_server_that_stops_talking_is_given_up_by_doctor(project, postgres):
    proxy = postgres.proxy()
    connections(project, rs=postgres.database().connection(
        type="redshift", port=proxy.port, sslmode="disable", login_timeout="2s"))
    proxy.fault("SELECT", "delay", times=100, seconds=3600)
    finding, result = look(project, "rs", postgres.env)
    assert not finding["ok"] and "login_timeout" in finding["seen"], result


def test_doctor_reads_redshift_without_copy(project, postgres):
    proxy = postgres.proxy()
    connections(project, rs=postgres.database().connection(
        type="redshift", port=proxy.port, sslmode="disable"))
    finding, result = look(project, "rs", postgres.env)
    assert finding["ok"], result
    assert proxy.statements and not [text for text in proxy.statements if "COPY" in text.upper()]


# ---- secrets that are not there ----

def test_a_missing_variable_names_itself_and_the_place(project, postgres):
    entry = postgres.database().connection(password="env:NOT_SET")
    connections(project, pg=entry)
    finding, _ = look(project, "pg")
    assert not finding["ok"]
    assert "'NOT_SET'" in finding["seen"]


def test_a_secret_file_that_everybody_can_read_is_refused(project, postgres, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(PG_PASSWORD + "\n")
    secret.chmod(0o644)
    connections(project, pg=postgres.database().connection(password=f"file:{secret}"))
    finding, _ = look(project, "pg")
    assert not finding["ok"]
    assert "chmod 600" in finding["seen"]
    secret.chmod(0o600)
    finding, result = look(project, "pg")
    assert finding["ok"], result


def test_a_secret_file_may_lie_in_the_home_folder(project, postgres, tmp_path):
    (tmp_path / "password").write_text(PG_PASSWORD)
    (tmp_path / "password").chmod(0o600)
    connections(project, pg=postgres.database().connection(password="file:~/password"))
    finding, result = look(project, "pg", {"HOME": str(tmp_path),
                                           "ASSAY_CACHE": peers.cache_dir()})
    assert finding["ok"], result


def test_a_missing_secret_is_never_replaced_by_another_source(project, postgres):
    entry = postgres.database().connection(password="file:no/such/file")
    connections(project, pg=entry)
    finding, _ = look(project, "pg", {"PGPASSWORD": PG_PASSWORD, "PASSWORD": PG_PASSWORD})
    assert not finding["ok"]
    assert "no/such/file" in finding["seen"]


@pytest.mark.parametrize("content, words", [
    (PG_PASSWORD.encode() + b"\r\n", None), (b"\xef\xbb\xbf" + PG_PASSWORD.encode() + b"\n", None),
    (b"", "is empty"), (b"\n\n", "is empty"), (PG_PASSWORD.encode("utf-16"), "UTF-16"),
    (PG_PASSWORD.encode() + b"\0", "NUL byte"), (b"x" * 70000, "larger than")])
def test_a_secret_file_is_its_text_or_refused(project, postgres, tmp_path, content, words):
    secret = tmp_path / "password"
    secret.write_bytes(content)
    secret.chmod(0o600)
    connections(project, pg=postgres.database().connection(password=f"file:{secret}"))
    finding, result = look(project, "pg", {"PGPASSWORD": PG_PASSWORD})
    assert finding["ok"] == (words is None), result
    assert words is None or words in finding["seen"], result


def test_a_secret_that_is_a_folder_is_refused(project, postgres, tmp_path):
    connections(project, pg=postgres.database().connection(password=f"file:{tmp_path}"))
    finding, _ = look(project, "pg", {"PGPASSWORD": PG_PASSWORD})
    assert not finding["ok"] and "is not a file" in finding["seen"], finding


@pytest.mark.parametrize("change, words", [
    ({"database": "nope"}, "correct the database"), ({"sslmode": "require"}, "TLS"),
    ({"user": "nobody"}, "correct the user"), ({"options": "-c nonsense=1"}, "correct the connection")])
def test_doctor_says_what_would_help(project, postgres, change, words):
    connections(project, pg=postgres.database().connection(**change))
    finding, _ = look(project, "pg", postgres.env)
    assert not finding["ok"] and words in finding["fix"], finding


def test_snowflake_is_logged_in_to_with_known_parameters_only(project, snowflake):
    """An option that the driver does not know would become a parameter of the session."""
    connections(project, sf=snowflake.database().connection())
    before = len(snowflake.records("login"))
    finding, result = look(project, "sf", snowflake.env)
    assert finding["ok"], result
    sent = {name for record in snowflake.records("login")[before:] for name in record["parameters"] or {}}
    assert sent == {"CLIENT_VALIDATE_DEFAULT_PARAMETERS", "STATEMENT_TIMEOUT_IN_SECONDS"}


# ---- drivers ----

def test_no_driver_is_loaded_where_nothing_is_to_be_done(project, sites):
    site = sites("postgres")
    project.write("config/connections.yaml", {"there": site.connection()})
    project.model("gold.t", "select 1 as id", publish=[{"to": "there", "table": "t"}])
    project.model("gold.u", "select 1 as id")
    assert project.run("run", env=site.env).code == 0
    project.write("config/connections.yaml", {"there": site.connection(driver="none.so")})
    project.model("gold.u", "select 2 as id")
    for command in (["run"], ["plan"], ["publish", "--pending"], ["publish", "--dry-run"]):
        result = project.run(*command, env=site.env)
        assert result.code == 0, result
    result = project.run("publish", env=site.env)
    assert result.code != 0 and "none.so" in result.err, result


def test_a_missing_driver_names_the_commands_that_install_it(project, tmp_path):
    connections(project, sf={"type": "snowflake", "account": "a", "user": "u", "auth": "password",
                             "password": "env:PW"})
    finding, _ = look(project, "sf", {"PW": "some-password", "HOME": str(tmp_path),
                                      "ASSAY_CACHE": str(tmp_path)})
    assert not finding["ok"]
    assert "dbc install snowflake" in finding["seen"]
    assert "adbc-driver-snowflake" in finding["seen"]


def test_a_driver_that_the_connection_names_must_be_there(project, postgres):
    connections(project, pg=postgres.database().connection(driver="drivers/none.so"))
    finding, _ = look(project, "pg", postgres.env)
    assert not finding["ok"]
    assert "drivers/none.so" in finding["seen"]


def test_a_driver_that_is_none_is_an_error(project, postgres):
    project.write("drivers/text.so", "this is no library")
    connections(project, pg=postgres.database().connection(driver="drivers/text.so"))
    finding, _ = look(project, "pg", postgres.env)
    assert not finding["ok"]
    assert "cannot load the driver" in finding["seen"]


@pytest.mark.parametrize("where", ["variable", "user"])
def test_a_driver_is_found_by_its_manifest(project, postgres, tmp_path, where):
    library = tmp_path / "elsewhere" / "driver.so"
    library.parent.mkdir()
    shutil.copy(peers.adbc_driver("postgresql"), library)
    cache = tmp_path / "cache"  # without drivers
    cache.mkdir()
    (cache / "extensions").symlink_to(os.path.join(peers.cache_dir(), "extensions"))
    env = {**postgres.env, "HOME": str(tmp_path), "ASSAY_CACHE": str(cache)}
    folder = tmp_path / ".config" / "adbc" / "drivers"
    if where == "variable":
        folder = tmp_path / "manifests"
        env["ADBC_DRIVER_PATH"] = f"/no/such/folder:{folder}"
    folder.mkdir(parents=True)
    (folder / "postgresql.toml").write_text(
        "manifest_version = 1\n\nname = 'PostgreSQL'  # of the tests\n[ADBC.features]\n"
        "supported = [\n  'bulk insert',\n]\n[Driver]\nentrypoint = 'AdbcDriverInit'\n"
        f"[Driver.shared]\nlinux_amd64 = '{library}'\nlinux_arm64 = '{library}'\n")
    connections(project, pg=postgres.database().connection())
    finding, result = look(project, "pg", env)
    assert finding["ok"], result
    (folder / "postgresql.toml").write_text("manifest_version = 2\n")
    finding, _ = look(project, "pg", env)
    assert not finding["ok"]
    assert "manifest_version" in finding["seen"]


def test_a_missing_extension_names_what_fetches_it(project, postgres, tmp_path):
    (tmp_path / "drivers").symlink_to(os.path.join(peers.cache_dir(), "drivers"))
    connections(project, pg=postgres.database().connection())
    finding, _ = look(project, "pg", {**postgres.env, "ASSAY_CACHE": str(tmp_path)})
    assert not finding["ok"]
    assert "postgres_scanner" in finding["seen"]
    assert "tools/bootstrap" in finding["seen"] + finding["fix"]


# ---- the process ----

def test_the_program_begins_anew_once_where_a_project_talks_to_snowflake(project, snowflake):
    connections(project, sf=snowflake.database().connection())
    env = {name: value for name, value in snowflake.env.items() if name not in SWITCHES}
    process = project.assay.start("doctor", cwd=project.root, env=env)
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 1), out + err
    assert "logged in" in out + err


def test_no_secret_is_in_the_arguments_or_the_output(project, snowflake):
    connections(project, sf=snowflake.database().connection())
    process = project.assay.start("doctor", "-v", cwd=project.root, env=snowflake.env)
    seen = watch_arguments(process)
    out, err = process.communicate(timeout=60)
    assert SF_PASSWORD not in out + err
    assert SF_PASSWORD.encode() not in seen
    assert b"doctor" in seen


# ---- runs ----

def every_byte_below(folder):
    """(path, content) of everything that a project's runs left behind."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def watch_arguments(process):
    """What /proc says of the process's arguments while it lives."""
    seen = b""
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                seen += file.read()
        except OSError:
            break
        time.sleep(0.01)
    return seen


def forms_of(secret):
    """The secret as it is, in a URL, in JSON and in libpq's text."""
    from urllib.parse import quote

    return {form.encode() for form in (
        secret, quote(secret, safe=""), quote(secret), secret.replace("'", "\\'"),
        secret.replace("'", "''"))}


@pytest.mark.parametrize("kind", ["postgres", "snowflake"])
@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_run_leaves_no_secret_anywhere(request, project, postgres, kind, ends):
    """Logs, events, state, tables, arguments, output: of an extract from PostgreSQL and of a table
    that is published to either database."""
    source = postgres.database()
    source.execute("create table orders (id int primary key, amount numeric(10,2))")
    source.execute("insert into orders values (1, 1.50), (2, 2.50)")
    env = {**postgres.env, "OUT_PASSWORD": PG_PASSWORD}
    target = postgres.database().connection(password="env:OUT_PASSWORD")
    if kind == "snowflake":
        standin = request.getfixturevalue("snowflake")
        env.update(standin.env)
        env["OUT_PASSWORD"] = SF_PASSWORD
        target = standin.database().connection(password="env:OUT_PASSWORD")
    if ends == "badly":
        env["OUT_PASSWORD"] = "wrong p@ss/'%word"
    connections(project, shop=source.connection(), out=target)
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file",
                                          "path": "events.jsonl", "namespace": "test"})
    project.extract("bronze.orders", source={"connection": "shop", "table": "orders"})
    project.model("gold.orders", "select id, amount from bronze.orders",
                  publish=[{"to": "out", "table": "orders"}])
    process = project.assay.start("run", "-v", cwd=project.root, env=env)
    arguments = watch_arguments(process)
    out, err = process.communicate(timeout=120)
    assert (process.returncode == 0) == (ends == "well"), out + err
    left = [(path, content) for path, content in every_byte_below(project.root)]
    assert any(path.name == "events.jsonl" and b"gold.orders" in content for path, content in left)
    assert any(path.name == "state.db" for path, _ in left)
    shown = (out + err).encode()
    for secret in (PG_PASSWORD, env["OUT_PASSWORD"]):
        for form in forms_of(secret):
            assert form not in shown, out + err
            assert form not in arguments
            assert not [path for path, content in left if form in content]
