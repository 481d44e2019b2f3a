"""Changes of a parsed statement before fakesnow sees it."""
from sqlglot import exp

from errors import SnowflakeError

KEYS = (exp.PrimaryKey, exp.UniqueColumnConstraint, exp.ForeignKey)
CONTEXT = {"CURRENT_WAREHOUSE": "warehouse", "CURRENT_ROLE": "role", "CURRENT_USER": "user",
           "CURRENT_SESSION": "number", "LAST_QUERY_ID": "last_query_id"}


def full_name(session, table):
    """(database, schema, table) with what the session adds; unquoted names are upper case."""
    def part(node, default):
        if node is None:
            return default or ""
        return node.name if node.args.get("quoted") else node.name.upper()

    return (part(table.args.get("catalog"), session.connection.database),
            part(table.args.get("db"), session.connection.schema),
            part(table.this, None))


def apply(session, expression):
    if isinstance(expression, exp.Create) and expression.kind == "TABLE":
        expression = without_keys(expression)
        drop_properties(expression)
    check_names(session, expression)
    return expression.transform(lambda node: context_function(session, node))


def without_keys(create):
    """Snowflake keeps keys for information only; a primary key makes its columns NOT NULL."""
    if not isinstance(create.this, exp.Schema):
        return create
    kept, required = [], set()
    for item in create.this.expressions:
        inner = item.expressions[0] if isinstance(item, exp.Constraint) else item
        if isinstance(inner, exp.PrimaryKey):
            required |= {e.find(exp.Identifier).name for e in inner.expressions}
        if not isinstance(inner, KEYS):
            kept.append(item)
    for column in kept:
        if isinstance(column, exp.ColumnDef):
            relax(column, column.name in required)
    create.this.set("expressions", kept)
    return create


def relax(column, required):
    constraints = []
    for constraint in column.args.get("constraints") or []:
        kind = constraint.args.get("kind")
        if isinstance(kind, exp.PrimaryKeyColumnConstraint):
            required = True
        elif isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null"):
            required = True
        elif not isinstance(kind, (exp.UniqueColumnConstraint, exp.Reference)):
            constraints.append(constraint)
    if required:
        constraints.append(exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
    column.set("constraints", constraints)


def drop_properties(create):
    """TRANSIENT and DATA_RETENTION_TIME_IN_DAYS mean nothing to DuckDB; TEMPORARY does."""
    properties = create.args.get("properties")
    if properties is None:
        return
    kept = [p for p in properties.expressions
            if isinstance(p, (exp.TemporaryProperty, exp.SchemaCommentProperty))]
    create.set("properties", exp.Properties(expressions=kept) if kept else None)


def context_function(session, node):
    name = node.name.upper() if isinstance(node, exp.Anonymous) else node.key.upper()
    if isinstance(node, exp.CurrentUser):
        name = "CURRENT_USER"
    elif not isinstance(node, exp.Func):
        return node
    if name not in CONTEXT:
        name = {"CURRENTROLE": "CURRENT_ROLE", "CURRENTWAREHOUSE": "CURRENT_WAREHOUSE",
                "CURRENTSESSION": "CURRENT_SESSION"}.get(name, name)
    if name not in CONTEXT:
        return node
    value = getattr(session, CONTEXT[name])
    literal = exp.null() if value is None else exp.Literal.string(str(value))
    if isinstance(node.parent, exp.Select):
        return exp.alias_(literal, f"{name}()", quoted=True)
    return literal


def check_names(session, expression):
    """A quoted name in another case is another table in Snowflake; DuckDB would take it."""
    tables = [t for t in expression.find_all(exp.Table) if isinstance(t.this, exp.Identifier)]
    ctes = {cte.alias_or_name.upper() for cte in expression.find_all(exp.CTE)}
    for table in tables:
        database, schema, name = full_name(session, table)
        if name.upper() in ctes or "INFORMATION_SCHEMA" in (schema.upper(), database.upper()):
            continue
        found = session.duck.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE lower(database_name) = ? AND "
            "lower(schema_name) = ? AND lower(table_name) = ?",
            [database.lower(), schema.lower(), name.lower()]).fetchall()
        if found and (schema, name) not in found:
            what = f"{database}.{schema}.{name}"
            if isinstance(expression, exp.Create):
                raise SnowflakeError(603, "XX000", f"the stand-in cannot hold '{what}' beside a table "
                                     "whose name differs only in case")
            if not (isinstance(expression, exp.Drop) and expression.args.get("exists")):
                raise SnowflakeError(2003, "42S02", f"SQL compilation error: Object '{what}' does not "
                                     "exist or not authorized.")
