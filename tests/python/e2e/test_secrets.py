"""Secrets of AWS: the chain of credentials, Secrets Manager (moto), signatures (botocore)."""
import base64
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from postgres_server import PASSWORD as PG_PASSWORD

START_SECONDS = 60
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"}


class Moto:
    """AWS in one process: Secrets Manager, STS and the machine's metadata."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [os.path.join(os.path.dirname(sys.executable), "moto_server"), "-H", "127.0.0.1", "-p",
             str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(self.url + "/moto-api/", timeout=5).close()
                break
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, "moto does not start"
                time.sleep(0.05)

    def client(self, service):
        import boto3

        return boto3.client(service, endpoint_url=self.url, region_name="eu-central-1",
                            aws_access_key_id="a", aws_secret_access_key="b")

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def moto():
    server = Moto()
    yield server
    server.close()


class Recorder(http.server.ThreadingHTTPServer):
    """Keeps every request, and answers by `answers`: lists of (status, body), the last one stays."""

    def __init__(self, *answers):
        self.seen = []
        self.answers = list(answers)
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *args):
        self.shutdown()
        super().__exit__(*args)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server = self.server
        server.seen.append((self.command, self.path, dict(self.headers), body))
        status, text = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        data = text.encode() if isinstance(text, str) else json.dumps(text).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args):
        pass


def finding(project, env):
    result = project.run("doctor", "--output", "json", env={"AWS_REGION": "eu-central-1", **env})
    found = {f["what"]: f for f in result.json()["findings"]}
    return found["connection pg"], result


@pytest.fixture
def pg(project, postgres):
    """pg(reference): a project whose connection has its password there."""
    database = postgres.database()

    def make(reference):
        project.write("config/connections.yaml", {"pg": database.connection(password=reference)})
        return project
    return make


# ---- Secrets Manager ----

def test_a_password_comes_from_secrets_manager(pg, moto):
    moto.client("secretsmanager").create_secret(Name="whole", SecretString=PG_PASSWORD)
    found, result = finding(pg("aws-secret:whole"), {**KEYS, "AWS_ENDPOINT_URL": moto.url})
    assert found["ok"], result


def test_a_key_of_a_secret_is_taken_from_its_json(pg, moto):
    moto.client("secretsmanager").create_secret(
        Name="prod/shop", SecretString=json.dumps({"user": "etl", "password": PG_PASSWORD}))
    env = {**KEYS, "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.url,
           "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    found, result = finding(pg("aws-secret:prod/shop#password"), env)
    assert found["ok"], result
    found, _ = finding(pg("aws-secret:prod/shop#passwort"), env)
    assert not found["ok"]
    assert "'passwort'" in found["seen"]


def test_a_binary_secret_is_decoded(pg, moto):
    moto.client("secretsmanager").create_secret(Name="bytes", SecretBinary=PG_PASSWORD.encode())
    found, result = finding(pg("aws-secret:bytes"), {**KEYS, "AWS_ENDPOINT_URL": moto.url})
    assert found["ok"], result


def test_a_secret_that_is_not_there_fails_closed(pg, moto):
    env = {**KEYS, "AWS_ENDPOINT_URL": moto.url, "no-such-secret": PG_PASSWORD,
           "PGPASSWORD": PG_PASSWORD}
    found, result = finding(pg("aws-secret:no-such-secret"), env)
    assert not found["ok"]
    assert "ResourceNotFoundException" in found["seen"]
    assert PG_PASSWORD not in result.out + result.err


def test_an_answer_that_refuses_is_told_and_never_retried_elsewhere(pg):
    denied = {"__type": "AccessDeniedException", "Message": "not authorized to perform"}
    with Recorder((400, denied)) as aws:
        found, _ = finding(pg("aws-secret:x"), {**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert not found["ok"]
        assert "AccessDeniedException" in found["seen"]
        assert len(aws.seen) == 1


def test_patience_is_asked_for_three_times(pg):
    with Recorder((503, "busy"), (429, "slow down"), (200, {"SecretString": PG_PASSWORD})) as aws:
        found, result = finding(pg("aws-secret:x"), {**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert found["ok"], result
        assert len(aws.seen) == 3


def test_a_rotated_password_is_fetched_anew_after_a_refused_login(pg):
    with Recorder((200, {"SecretString": "the old password"}),
                  (200, {"SecretString": PG_PASSWORD})) as aws:
        found, result = finding(pg("aws-secret:x"), {**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert found["ok"], result
        assert len(aws.seen) == 2


@pytest.mark.parametrize("kind", ["postgres", "redshift"])
def test_an_extract_fetches_a_rotated_password_anew(project, postgres, kind):
    database = postgres.database()
    database.execute("create table t (a int); insert into t values (1)")
    entry = database.connection(type=kind, password="aws-secret:x", sslmode="disable")
    project.write("config/connections.yaml", {"pg": entry})
    project.extract("bronze.t", source={"connection": "pg", "table": "t"})
    old, new = (200, {"SecretString": "the old password"}), (200, {"SecretString": PG_PASSWORD})
    with Recorder(old, new) as aws:
        result = project.run("run", env={**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert result.code == 0 and len(aws.seen) == 2, result
    with Recorder(old, new) as aws:
        found = project.run("doctor", env={**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert found.code == 0 and len(aws.seen) == 2, found
    with Recorder(old) as aws:
        result = project.run("run", env={**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert result.code == 4 and "E2221" in result.err, result
        assert "the old password" not in result.err + result.out
    assert project.query("select a from bronze.t")["rows"] == [[1]]


def test_a_password_that_stays_wrong_is_fetched_twice_only(pg):
    with Recorder((200, {"SecretString": "always-the-wrong-one"})) as aws:
        found, result = finding(pg("aws-secret:x"), {**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert not found["ok"]
        assert len(aws.seen) == 2
        assert "always-the-wrong-one" not in result.out + result.err


def test_an_answer_that_is_no_json_does_not_show_itself(pg):
    with Recorder((200, "plain text with " + PG_PASSWORD)) as aws:
        found, result = finding(pg("aws-secret:x"), {**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert not found["ok"]
        assert PG_PASSWORD not in result.out + result.err


def test_a_service_that_never_answers_is_given_up_within_the_login_timeout(project, postgres):
    entry = postgres.database().connection(password="aws-secret:x", login_timeout="2s")
    project.write("config/connections.yaml", {"pg": entry})
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begin = time.monotonic()
        found, result = finding(project, {
            **KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{mute.getsockname()[1]}"})
        assert time.monotonic() - begin < 2 + 10, result
    assert not found["ok"]
    assert "does not answer" in found["seen"] and "try again" in found["fix"], found


def test_a_service_that_stays_busy_is_no_refusal(pg):
    busy = {"__type": "ThrottlingException", "message": "Rate exceeded"}
    with Recorder((400, busy)) as aws:
        found, _ = finding(pg("aws-secret:x"), {**KEYS, "AWS_ENDPOINT_URL": aws.url})
        assert len(aws.seen) == 3
    assert "Rate exceeded" in found["seen"] and "try again" in found["fix"], found


@pytest.mark.parametrize("answer, reference, words", [
    ({"SecretString": ""}, "aws-secret:x", "is empty"),
    ({"SecretBinary": ""}, "aws-secret:x", "is empty"),
    ({"SecretString": '{"password": ""}'}, "aws-secret:x#password", "is empty"),
    ({"SecretString": '{"password": null}'}, "aws-secret:x#password", "no text under the key"),
    ({"SecretString": '{"password": {"a": 1}}'}, "aws-secret:x#password", "no text under the key"),
    ({"SecretString": "hunter2"}, "aws-secret:x#password", "no JSON object"),
    ({"SecretBinary": base64.b64encode(PG_PASSWORD.encode() + b"\0rest").decode()}, "aws-secret:x",
     "NUL byte")])
def test_a_secret_without_a_value_is_never_replaced_by_what_libpq_finds(pg, answer, reference, words):
    with Recorder((200, answer)) as aws:
        found, result = finding(pg(reference), {**KEYS, "AWS_ENDPOINT_URL": aws.url,
                                                "PGPASSWORD": PG_PASSWORD})
    assert not found["ok"], found
    assert words in found["seen"] and "hunter2" not in result.out + result.err, found


def test_no_region_is_an_error_that_names_the_variable(pg, moto):
    env = {**KEYS, "AWS_ENDPOINT_URL": moto.url, "AWS_REGION": "", "HOME": "/nonexistent"}
    found, _ = finding(pg("aws-secret:x"), env)
    assert not found["ok"]


# ---- signatures ----

def resign(request, service, keys):
    """The Authorization header that botocore makes of the same request."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    method, path, headers, body = request
    names = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    sent = {name.lower(): value for name, value in headers.items()}
    again = AWSRequest(method, f"http://{sent['host']}{path}", data=body,
                       headers={name: sent[name] for name in names if name != "host"})
    again.context["timestamp"] = sent["x-amz-date"]
    auth = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(*keys), service,
                                                           "eu-central-1")
    canonical = auth.canonical_request(again)
    scope = f"{keys[0]}/{auth.credential_scope(again)}"
    signature = auth.signature(auth.string_to_sign(again, canonical), again)
    return (f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={signature}")


@pytest.mark.parametrize("name", ["plain", "prod/shop db", "größe", "a+b=c&d", "x" * 300])
@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzE/+=session"])
def test_botocore_makes_the_same_signature(pg, name, token):
    env = {**KEYS, "AWS_SESSION_TOKEN": token}
    with Recorder((200, {"SecretString": PG_PASSWORD})) as aws:
        found, result = finding(pg(f"aws-secret:{name}"), {**env, "AWS_ENDPOINT_URL": aws.url})
        assert found["ok"], result
        request = aws.seen[0]
    assert json.loads(request[3]) == {"SecretId": name}
    assert request[2].get("x-amz-security-token") == token
    keys = (KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], token)
    assert request[2]["Authorization"] == resign(request, "secretsmanager", keys)


# ---- the chain ----

ROLE = "arn:aws:iam::123456789012:role/reader"


def profile(project, config="", credentials=""):
    project.write("aws/config", config)
    project.write("aws/credentials", credentials)
    return {"AWS_CONFIG_FILE": str(project.root / "aws/config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(project.root / "aws/credentials"),
            "AWS_EC2_METADATA_DISABLED": "true"}


def key_id_of(aws):
    """Who signed the last request."""
    return aws.seen[-1][2]["Authorization"].split("Credential=")[1].split("/")[0]


ANSWER = (200, {"SecretString": PG_PASSWORD})


def test_keys_of_a_profile_and_its_region(pg):
    project = pg("aws-secret:x")
    env = profile(project, "[profile other]\nregion = eu-west-1 # here\n[default]\nregion = us-east-2\n",
                  "[default]\naws_access_key_id = DEFAULTKEY\naws_secret_access_key = s1\n\n"
                  "[other]\naws_access_key_id=OTHERKEY\naws_secret_access_key=s2\n")
    with Recorder(ANSWER) as aws:
        env.update(AWS_ENDPOINT_URL=aws.url, AWS_REGION="")
        found, result = finding(project, env)
        assert found["ok"], result
        assert key_id_of(aws) == "DEFAULTKEY"
        assert "/us-east-2/" in aws.seen[-1][2]["Authorization"]
        found, result = finding(project, {**env, "AWS_PROFILE": "other"})
        assert found["ok"], result
        assert key_id_of(aws) == "OTHERKEY"
        assert "/eu-west-1/" in aws.seen[-1][2]["Authorization"]


def test_a_profile_that_is_named_and_not_there_is_an_error(pg):
    project = pg("aws-secret:x")
    env = profile(project, "", "[default]\naws_access_key_id = A\naws_secret_access_key = b\n")
    with Recorder(ANSWER) as aws:
        found, _ = finding(project, {**env, "AWS_ENDPOINT_URL": aws.url, "AWS_PROFILE": "gone"})
        assert not found["ok"]
        assert "'gone'" in found["seen"]
        assert not aws.seen


def test_a_role_is_assumed_with_the_keys_of_another_profile(pg, moto):
    moto.client("secretsmanager").create_secret(Name="by-role", SecretString=PG_PASSWORD)
    project = pg("aws-secret:by-role")
    env = profile(project, f"[default]\nrole_arn = {ROLE}\nsource_profile = base\n",
                  "[base]\naws_access_key_id = A\naws_secret_access_key = b\n")
    found, result = finding(project, {**env, "AWS_ENDPOINT_URL": moto.url})
    assert found["ok"], result


def test_a_circle_of_profiles_ends_with_an_error(pg):
    project = pg("aws-secret:x")
    env = profile(project, f"[default]\nrole_arn = {ROLE}\nsource_profile = a\n"
                  f"[profile a]\nrole_arn = {ROLE}\nsource_profile = default\n")
    found, _ = finding(project, {**env, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert not found["ok"]
    assert "circle" in found["seen"]


@pytest.mark.parametrize("login", ["sso_session = corp", "sso_start_url = https://corp.awsapps.com/start"])
def test_a_login_of_iam_identity_center_says_what_to_do(pg, login):
    project = pg("aws-secret:x")
    env = profile(project, f"[profile dev]\nregion = eu-central-1\n{login}\nsso_account_id = 1\n")
    found, _ = finding(project, {**env, "AWS_PROFILE": "dev", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert not found["ok"]
    for words in ("aws sso login --profile dev", "~/.aws/config", "AWS_PROFILE",
                  "credential_process = aws configure export-credentials --profile dev"):
        assert words in found["seen"], found


def test_a_web_identity_gives_a_role(pg, moto, tmp_path):
    moto.client("secretsmanager").create_secret(Name="by-token", SecretString=PG_PASSWORD)
    token = tmp_path / "token"
    token.write_text("header.body.signature\n")
    found, result = finding(pg("aws-secret:by-token"), {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE,
        "AWS_ENDPOINT_URL": moto.url})
    assert found["ok"], result


def test_a_web_identity_that_fails_is_not_passed_over(pg, tmp_path):
    project = pg("aws-secret:x")
    env = profile(project, "", "[default]\naws_access_key_id = A\naws_secret_access_key = b\n")
    with Recorder(ANSWER) as aws:
        found, _ = finding(project, {**env, "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "none"),
                                     "AWS_ROLE_ARN": ROLE, "AWS_ENDPOINT_URL": aws.url})
        assert not found["ok"]
        assert not aws.seen


def credentials(key_id, **more):
    return {"AccessKeyId": key_id, "SecretAccessKey": "s", "Expiration": "2099-01-01T00:00:00Z",
            **more}


def test_a_process_gives_credentials(pg):
    project = pg("aws-secret:x")
    project.write("aws/out.json", json.dumps({"Version": 1, **credentials("PROCESSKEY",
                                                                           SessionToken="t")}))
    env = profile(project, f"[default]\ncredential_process = cat {project.root}/aws/out.json\n")
    with Recorder(ANSWER) as aws:
        found, result = finding(project, {**env, "AWS_ENDPOINT_URL": aws.url})
        assert found["ok"], result
        assert key_id_of(aws) == "PROCESSKEY"
        assert aws.seen[-1][2]["x-amz-security-token"] == "t"
    env = profile(project, "[default]\ncredential_process = echo not-json-but-secret\n")
    found, result = finding(project, {**env, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert not found["ok"]
    assert "not-json-but-secret" not in result.out + result.err


def test_a_container_gives_credentials_to_its_token(pg, tmp_path):
    token = tmp_path / "token"
    token.write_text("container-token\n")
    with Recorder((200, credentials("CONTAINERKEY", Token="t"))) as pod, Recorder(ANSWER) as aws:
        found, result = finding(pg("aws-secret:x"), {
            "HOME": str(tmp_path), "AWS_CONTAINER_CREDENTIALS_FULL_URI": pod.url + "/creds",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token), "AWS_ENDPOINT_URL": aws.url,
            "ASSAY_CACHE": os.environ.get("ASSAY_CACHE") or
            os.path.join(os.environ["HOME"], ".cache/assay")})
        assert found["ok"], result
        assert key_id_of(aws) == "CONTAINERKEY"
        assert pod.seen[0][2]["Authorization"] == "container-token"


def test_a_container_address_elsewhere_gets_no_token(pg, tmp_path):
    found, _ = finding(pg("aws-secret:x"), {
        "HOME": str(tmp_path), "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/creds",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t",
        "ASSAY_CACHE": os.environ.get("ASSAY_CACHE") or
        os.path.join(os.environ["HOME"], ".cache/assay")})
    assert not found["ok"]
    assert "neither https nor on this machine" in found["seen"]


def test_a_machine_gives_credentials_by_imds_version_2(pg, tmp_path):
    with Recorder((200, "imds-token"), (200, "role-name"),
                  (200, credentials("MACHINEKEY", Token="t"))) as imds, Recorder(ANSWER) as aws:
        found, result = finding(pg("aws-secret:x"), {
            "HOME": str(tmp_path), "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url,
            "AWS_ENDPOINT_URL": aws.url,
            "ASSAY_CACHE": os.environ.get("ASSAY_CACHE") or
            os.path.join(os.environ["HOME"], ".cache/assay")})
        assert found["ok"], result
        assert key_id_of(aws) == "MACHINEKEY"
        assert [r[0] for r in imds.seen] == ["PUT", "GET", "GET"]
        assert imds.seen[2][1].endswith("/security-credentials/role-name")
        assert imds.seen[2][2]["X-aws-ec2-metadata-token"] == "imds-token"


def test_no_source_at_all_is_an_error_that_says_what_to_set(pg, tmp_path):
    found, _ = finding(pg("aws-secret:x"), {
        "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true",
        "ASSAY_CACHE": os.environ.get("ASSAY_CACHE") or
        os.path.join(os.environ["HOME"], ".cache/assay")})
    assert not found["ok"]
    assert "AWS_ACCESS_KEY_ID" in found["seen"]


# ---- s3 ----

def s3_finding(project, env=None, **entry):
    project.write("config/connections.yaml", {"lake": {"type": "s3", "region": "eu-central-1",
                                                       **entry}})
    result = project.run("doctor", "--output", "json", env=env)
    return {f["what"]: f for f in result.json()["findings"]}["connection lake"], result


def refusal(code):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"


def test_doctor_asks_s3_with_the_usual_credentials(project, moto):
    found, result = s3_finding(project, KEYS, endpoint=moto.url)
    assert found["ok"], result
    assert "environment" in found["seen"]


def test_doctor_asks_s3_with_keys_by_reference(project):
    own = {"key_id": "env:MY_KEY", "secret": "env:MY_SECRET"}
    env = {"MY_KEY": "MYKEY", "MY_SECRET": "not-to-be-seen"}
    with Recorder((200, "<ListAllMyBucketsResult/>")) as s3:
        found, result = s3_finding(project, env, endpoint=s3.url, credentials=own)
        assert found["ok"], result
        assert "not-to-be-seen" not in result.out + result.err
        request = s3.seen[0]
        assert request[2]["Authorization"] == resign(request, "s3", ("MYKEY", "not-to-be-seen", None))


@pytest.mark.parametrize("status,code,well", [(403, "AccessDenied", True),
                                              (403, "InvalidAccessKeyId", False),
                                              (403, "SignatureDoesNotMatch", False),
                                              (400, "ExpiredToken", False),
                                              (500, "InternalError", False)])
def test_what_s3_answers_is_judged(project, status, code, well):
    with Recorder((status, refusal(code))) as s3:
        found, result = s3_finding(project, KEYS, endpoint=s3.url)
        assert found["ok"] == well, result
        assert well or code in found["seen"]


def test_s3_that_is_not_there_is_an_error_in_time(project):
    found, _ = s3_finding(project, KEYS, endpoint="http://127.0.0.1:1", login_timeout="2s")
    assert not found["ok"]
    assert "try again" in found["fix"]
