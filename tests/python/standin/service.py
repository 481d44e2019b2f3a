"""The session protocol of Snowflake's drivers: login, queries, renewal, cancel, stages."""
import concurrent.futures
import json
import os
import time
import traceback
import uuid
from urllib.parse import quote

from fakesnow.transforms import SERVER_VERSION, stage

import accounts
import results
import statements
from errors import SnowflakeError
from sessions import Running, Session

STILL_RUNNING = 333333
STILL_RUNNING_ASYNC = 333334
POLL_SECONDS = 2
MASTER_SECONDS = 14400


class Reply:
    """What the transport sends: a JSON body or bytes; `fault` is what it does instead."""

    def __init__(self, body, status=200, headers=None, fault=None):
        self.body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        self.status = status
        self.headers = headers or {}
        self.fault = fault


def success(data=None):
    return {"data": data, "code": None, "message": None, "success": True}


def failure(error, **data):
    return {"data": {"errorCode": error.code, "sqlState": error.sqlstate, "internalError": False,
                     "pos": -1, "line": -1, "age": 0, **data},
            "code": error.code, "message": error.message, "success": False}


class Service:
    def __init__(self, engine, users, faults):
        self.engine = engine
        self.users = {name.upper(): user for name, user in users.items()}
        self.faults = faults
        self.sessions = {}              # by session token
        self.masters = {}               # by master token
        self.chunks = results.Chunks()
        self.queries = {}               # query id -> (session, Future)
        self.settings = {"poll_after": 45.0, "token_seconds": 3600}
        self.pool = concurrent.futures.ThreadPoolExecutor(64, "statement")
        self.count = 0

    def handle(self, request):
        """The Reply to one request; every path of the protocol and of the admin interface."""
        routes = {("POST", "/session/v1/login-request"): self.login,
                  ("POST", "/session/token-request"): self.renew,
                  ("POST", "/session/heartbeat"): self.heartbeat,
                  ("POST", "/session"): self.close,
                  ("POST", "/queries/v1/query-request"): self.query,
                  ("POST", "/queries/v1/abort-request"): self.abort}
        handler = routes.get((request.method, request.path))
        if handler:
            return handler(request)
        for prefix, handler in (("/admin/", self.admin), ("/queries/", self.result),
                                ("/monitoring/queries/", self.monitor), ("/chunk/", self.chunk),
                                ("/stage/", self.upload)):
            if request.path.startswith(prefix):
                return handler(request, request.path.removeprefix(prefix))
        if request.path.startswith("/telemetry/"):
            return Reply(success("Log Received"))
        return Reply({"data": None, "code": "404", "message": "no such path", "success": False}, 404)

    # Sessions

    def login(self, request):
        data = request.json().get("data", {})
        user = (data.get("LOGIN_NAME") or "").upper()
        self.faults.record(kind="login", user=user, authenticator=data.get("AUTHENTICATOR"),
                           parameters=data.get("SESSION_PARAMETERS"), place=request.query)
        rule = self.faults.take("login", user)
        try:
            early = self.before(rule, None, None)
            if early:
                return early
            user = accounts.check_login(self.users, data.get("ACCOUNT_NAME"), data)
            session = self.open_session(request, user, data)
        except SnowflakeError as error:
            return Reply(failure(error, authnMethod=data.get("AUTHENTICATOR")))
        return self.after(rule, session, Reply(success(self.login_data(session, request))))

    def open_session(self, request, user, data):
        def name(key):
            value = request.query.get(key)
            return value and (value[1:-1] if value.startswith('"') else value.upper())

        parameters = {k.upper(): str(v) for k, v in (data.get("SESSION_PARAMETERS") or {}).items()}
        connection = self.engine.connect(name("databaseName"), name("schemaName"))
        self.count += 1
        session = Session(self.count, user, connection, self.engine.locks, parameters)
        session.warehouse, session.role = name("warehouse"), name("roleName")
        self.sessions[session.token] = self.masters[session.master] = session
        return session

    def login_data(self, session, request):
        connection = session.connection
        return {**self.token_data(session), "token": session.token, "masterToken": session.master,
                "displayUserName": session.user, "serverVersion": SERVER_VERSION,
                "firstLogin": False, "healthCheckInterval": 45, "sessionId": session.number,
                "parameters": [{"name": "AUTOCOMMIT", "value": session.flag("AUTOCOMMIT")},
                               {"name": "TIMEZONE", "value": session.parameter("TIMEZONE")},
                               {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
                               {"name": "CLIENT_TELEMETRY_ENABLED", "value": False}],
                "sessionInfo": {"databaseName": connection.database, "roleName": session.role,
                                "schemaName": connection.schema, "warehouseName": session.warehouse}}

    def token_data(self, session):
        return {"validityInSeconds": self.settings["token_seconds"],
                "masterValidityInSeconds": MASTER_SECONDS}

    def renew(self, request):
        session = self.masters.get(request.token())
        self.faults.record(kind="renew", session=session.number if session else None)
        rule = self.faults.take("renew", session.user if session else "")
        try:
            early = self.before(rule, session, None)
            if early:
                return early
            if session is None or session.ended:
                raise SnowflakeError(390114, "08001", "Authentication token has expired. The user "
                                     "must authenticate again.")
        except SnowflakeError as error:
            return Reply(failure(error))
        self.sessions.pop(session.token, None)
        self.masters.pop(session.master, None)
        session.new_tokens()
        self.sessions[session.token] = self.masters[session.master] = session
        seconds = self.settings["token_seconds"]
        return self.after(rule, session, Reply(success({
            "sessionToken": session.token, "masterToken": session.master,
            "validityInSecondsST": seconds, "validityInSecondsMT": MASTER_SECONDS,
            "sessionId": session.number})))

    def session_of(self, request):
        session = self.sessions.get(request.token())
        if session is None or session.ended:
            raise SnowflakeError(390111, "08001", "Session no longer exists. New login required to "
                                 "access the service.")
        if session.expired:
            raise SnowflakeError(390112, "08001", "Your session has expired. Please login again.")
        return session

    def heartbeat(self, request):
        try:
            self.session_of(request)
        except SnowflakeError as error:
            return Reply(failure(error))
        return Reply(success())

    def close(self, request):
        if request.query.get("delete") != "true":
            return self.heartbeat(request)
        session = self.sessions.get(request.token())
        if session is not None:
            self.end(session)
        return Reply(success())

    def end(self, session):
        for running in list(session.running.values()):
            running.cancel()
        session.end()
        self.sessions.pop(session.token, None)
        self.masters.pop(session.master, None)

    # Statements

    def query(self, request):
        body = request.json()
        request_id = request.query.get("requestId") or str(uuid.uuid4())
        sql = body.get("sqlText", "")
        rule = None
        try:
            session = self.session_of(request)
            future = session.answers.get(request_id)
            known = future is not None
            self.faults.record(kind="statement", session=session.number, sql=sql, again=known,
                               request=request_id, tag=query_tag(session, body))
            rule = self.faults.take("statement", sql)
            early = self.before(rule, session, request_id)
            if early:
                return early
            if not known:
                future = self.pool.submit(self.answer, session, request, body, request_id, rule)
                session.remember(request_id, future)
        except SnowflakeError as error:
            return Reply(failure(error))
        wait = 0.05 if body.get("asyncExec") else self.settings["poll_after"]
        return self.after(rule, session, self.wait_for(session, request_id, future, wait))

    def wait_for(self, session, request_id, future, seconds):
        try:
            return Reply(future.result(timeout=seconds))
        except concurrent.futures.TimeoutError:
            query_id = str(uuid.uuid5(uuid.NAMESPACE_OID, request_id))
            self.queries[query_id] = (session, future)
            code = f"{STILL_RUNNING_ASYNC if seconds < 1 else STILL_RUNNING}"
            return Reply({"data": {"getResultUrl": f"/queries/{query_id}/result",
                                   "queryId": query_id, "queryAbortsAfterSecs": 300,
                                   "progressDesc": None}, "code": code,
                          "message": "Query execution in progress.", "success": True})

    def answer(self, session, request, body, request_id, rule):
        """Executes the statement; the body of the answer, also where it failed."""
        query_id = str(uuid.uuid5(uuid.NAMESPACE_OID, request_id))
        with session.mutex:
            limit = float(session.parameter("STATEMENT_TIMEOUT_IN_SECONDS")) or 1e9
            override = (body.get("parameters") or {}).get("STATEMENT_TIMEOUT_IN_SECONDS")
            running = Running(session, float(override) if override else limit)
            session.running[request_id] = running
            try:
                with running:
                    if rule and rule["do"] == "slow":
                        running.wait(rule["seconds"])
                    if body.get("describeOnly"):
                        described = statements.describe(session, body["sqlText"])
                        if described:
                            return success(self.description(session, described, query_id))
                    result = statements.run(self.engine, session, body["sqlText"],
                                            body.get("bindings"), running)
                self.engine.answered[query_id] = result
                session.last_query_id = query_id
                return success(self.result_data(session, request, result, query_id))
            except SnowflakeError as error:
                return failure(error, queryId=query_id)
            except Exception as error:  # noqa: BLE001  (a fault of the stand-in itself)
                traceback.print_exc()
                return failure(SnowflakeError(603, "XX000", f"stand-in: {error!r}"))
            finally:
                session.running.pop(request_id, None)
                session.touched = time.monotonic()

    def description(self, session, described, query_id):
        rowtype, type_id, binds = described
        return {"rowtype": rowtype, "total": 0, "returned": 0, "queryId": query_id,
                "statementTypeId": type_id, "numberOfBinds": binds, "arrayBindSupported": False,
                "finalDatabaseName": session.connection.database, "queryResultFormat": "arrow",
                "finalSchemaName": session.connection.schema, "rowsetBase64": ""}

    def result_data(self, session, request, result, query_id):
        if result.upload:
            return upload_data(result.upload, request.base_url)
        connection = session.connection
        data = results.encode(result.table, result.rowtype, result.type_id, self.chunks,
                              request.base_url)
        return {**data, "queryId": query_id, "statementTypeId": result.type_id,
                "parameters": [{"name": "TIMEZONE", "value": session.parameter("TIMEZONE")},
                               {"name": "AUTOCOMMIT", "value": session.flag("AUTOCOMMIT")}],
                "finalDatabaseName": connection.database, "finalSchemaName": connection.schema,
                "finalWarehouseName": session.warehouse, "finalRoleName": session.role}

    def result(self, request, rest):
        """GET /queries/<id>/result: waits a little, then says that it still runs."""
        query_id = rest.removesuffix("/result")
        session, future = self.queries.get(query_id, (None, None))
        if future is None:
            return Reply(failure(SnowflakeError(612, "02000", f"Result for query {query_id} has "
                                                "expired")))
        rule = self.faults.take("result", query_id)
        early = self.before(rule, session, None)
        if early:
            return early
        try:
            return self.after(rule, session, Reply(future.result(timeout=POLL_SECONDS)))
        except concurrent.futures.TimeoutError:
            return Reply({"data": {"getResultUrl": request.path, "queryId": query_id},
                          "code": str(STILL_RUNNING), "message": "in progress", "success": True})

    def monitor(self, request, query_id):
        session, future = self.queries.get(query_id, (None, None))
        if future is None:
            for session in list(self.sessions.values()):
                for request_id, known in list(session.answers.items()):
                    if str(uuid.uuid5(uuid.NAMESPACE_OID, request_id)) == query_id:
                        future = known
        if future is None:
            return Reply(success({"queries": []}))
        status = "RUNNING" if not future.done() else (
            "SUCCESS" if future.result()["success"] else "FAILED_WITH_ERROR")
        return Reply(success({"queries": [{"id": query_id, "status": status}]}))

    def abort(self, request):
        request_id = request.json().get("requestId")
        self.faults.record(kind="abort", request=request_id)
        for session in list(self.sessions.values()):
            running = session.running.get(request_id)
            if running:
                running.cancel()
        return Reply(success())

    def chunk(self, request, key):
        body = self.chunks.get(key)
        if body is None:
            return Reply(b"", 404)
        return Reply(body, headers={"Content-Encoding": "gzip"})

    # Stages

    def upload(self, request, path):
        """PUT of one file to an internal stage; other methods ask whether it is there."""
        if request.method == "PUT":
            self.faults.record(kind="upload", path=path, size=len(request.body))
            rule = self.faults.take("upload", path)
            early = self.before(rule, None, None)
            return early or self.after(rule, None, Reply(b"", store_file(path, request.body)))
        return Reply(b"", 200 if os.path.exists(stage_path(path) or "") else 404)

    # Faults

    def before(self, rule, session, request_id):
        """What a rule does instead of executing; a Reply, or None to go on."""
        action = rule["do"] if rule else None
        if action == "error":
            raise SnowflakeError(rule.get("code", 603), rule.get("sqlstate", "XX000"),
                                 rule.get("message", "refused by a rule of the test"))
        if action == "status":
            return Reply(b"refused by a rule of the test", rule["status"])
        if action == "hang":
            return Reply(b"", fault="hang")
        if action == "die":
            os._exit(1)
        if action == "expire" and session:
            session.expired = True
            self.session_of_token(session)
        if action == "end_session" and session:
            self.end(session)
            self.session_of_token(session)
        if action == "slow" and request_id is None:
            time.sleep(rule["seconds"])
        return None

    def session_of_token(self, session):
        """Raises what a request with this session's token is told now."""
        if session.ended:
            raise SnowflakeError(390111, "08001", "Session no longer exists. New login required to "
                                 "access the service.")
        raise SnowflakeError(390112, "08001", "Your session has expired. Please login again.")

    def after(self, rule, session, reply):
        action = rule["do"] if rule else None
        if action == "die_after":
            os._exit(1)
        if action == "status_after":
            return Reply(b"lost by a rule of the test", rule["status"])
        if action == "lose_session" and session:
            self.end(session)
        if action in ("lose", "lose_session"):
            reply.fault = "drop"
        if action == "truncate":
            reply.fault = "truncate"
        return reply

    # The tests' own interface

    def admin(self, request, what):
        handlers = {"faults": self.admin_faults, "log": self.admin_log, "state": self.admin_state,
                    "settings": self.admin_settings, "users": self.admin_users,
                    "expire": self.admin_expire}
        handler = handlers.get(what)
        if handler is None:
            return Reply({"error": f"no '{what}'"}, 404)
        try:
            return Reply(handler(request))
        except (ValueError, KeyError) as error:
            return Reply({"error": str(error)}, 400)

    def admin_faults(self, request):
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            self.faults.add(request.json())
        return self.faults.state()

    def admin_log(self, request):
        if request.method == "DELETE":
            self.faults.forget()
        return self.faults.recorded(int(request.query.get("since", 0)))

    def admin_state(self, request):
        return {"sessions": [{"number": s.number, "user": s.user, "in_transaction": s.in_transaction,
                              "parameters": s.parameters, "running": len(s.running)}
                             for s in list(self.sessions.values())],
                "locks": self.engine.locks.state()}

    def admin_settings(self, request):
        """poll_after, token_seconds, idle_abort: seconds."""
        for name, value in request.json().items():
            if name == "idle_abort":
                self.engine.locks.idle_abort = float(value)
            elif name in self.settings:
                self.settings[name] = value
            else:
                raise ValueError(f"no setting '{name}'")
        return {**self.settings, "idle_abort": self.engine.locks.idle_abort}

    def admin_users(self, request):
        self.users.update({name.upper(): user for name, user in request.json().items()})
        return sorted(self.users)

    def admin_expire(self, request):
        for session in list(self.sessions.values()):
            session.expired = True
        return {"expired": len(self.sessions)}


def query_tag(session, body):
    own = (body.get("parameters") or {}).get("QUERY_TAG")
    return own if own is not None else session.parameter("QUERY_TAG")


def stage_path(path):
    """The file of an upload, or None where the path leaves the folder of the stages."""
    root = stage.LOCAL_BUCKET_PATH
    full = os.path.normpath(os.path.join(root, path))
    return full if full.startswith(root + os.sep) else None


def store_file(path, body):
    full = stage_path(path)
    if full is None:
        return 400
    os.makedirs(os.path.dirname(full), exist_ok=True)
    partial = f"{stage.LOCAL_BUCKET_PATH}-{uuid.uuid4().hex}.part"
    with open(partial, "wb") as file:
        file.write(body)
    os.replace(partial, full)
    return 200


def upload_data(upload, base_url):
    """Where a PUT uploads to: a pre-signed URL of this server, as for stages on Google's cloud."""
    folder = upload["stageInfo"]["location"]
    name = os.path.basename(upload["src_locations"][0])
    path = quote(os.path.relpath(os.path.join(folder, name), stage.LOCAL_BUCKET_PATH))
    info = {"locationType": "GCS", "location": f"{upload['stage_name']}/", "creds": {},
            "presignedUrl": f"{base_url}/stage/{path}"}
    known = {k: v for k, v in upload.items() if k != "stage_name"}
    return {**known, "stageInfo": info}
