"""MERGE by DuckDB's own MERGE INTO, with Snowflake's error for a nondeterministic one.

fakesnow makes three statements of a MERGE, which take only plain columns and are not atomic.
"""
from sqlglot import exp

from errors import SnowflakeError

COUNTS = {"INSERT": "number of rows inserted", "UPDATE": "number of rows updated",
          "DELETE": "number of rows deleted"}


def operation(when):
    """INSERT, UPDATE or DELETE."""
    then = when.args["then"]
    if isinstance(then, exp.Insert):
        return "INSERT"
    return "UPDATE" if isinstance(then, exp.Update) else "DELETE"


def plain_targets(merge):
    """SET t.a = .. becomes SET a = ..: DuckDB takes no qualified name there."""
    for when in merge.find_all(exp.When):
        then = when.args["then"]
        for assignment in then.expressions if isinstance(then, exp.Update) else []:
            if isinstance(assignment.this, exp.Column):
                assignment.set("this", exp.column(assignment.this.this.copy()))


def duplicates_sql(merge):
    """Finds a row of the target that several rows of the source would change, else None."""
    matched = [w for w in merge.find_all(exp.When) if w.args.get("matched")]
    if not matched:
        return None
    conditions = [w.args.get("condition") for w in matched]
    target, source, on = merge.this.copy(), merge.args["using"].copy(), merge.args["on"].copy()
    query = exp.select("1").from_(target).join(source, on=on, join_type="inner")
    if all(conditions):
        query = query.where(exp.or_(*[c.copy() for c in conditions]))
    row = exp.column("rowid", table=target.alias_or_name, quoted=False)
    return query.group_by(row).having("count(*) > 1").limit(1).sql(dialect="duckdb")


def run(session, transformed):
    """Executes it; the counts by operation, in Snowflake's order."""
    if session.flag("ERROR_ON_NONDETERMINISTIC_MERGE"):
        check = duplicates_sql(transformed)
        if check and session.duck.execute(check).fetchone():
            raise SnowflakeError(100090, "42P18", "Duplicate row detected during DML action")
    plain_targets(transformed)
    sql = transformed.sql(dialect="duckdb") + " RETURNING merge_action"
    actions = session.duck.execute(sql).to_arrow_table()
    counts = {}
    for item in actions.column(0).combine_chunks().value_counts().to_pylist():
        counts[item["values"]] = item["counts"]
    wanted = {operation(when) for when in transformed.find_all(exp.When)}
    return [(label, counts.get(name, 0)) for name, label in COUNTS.items() if name in wanted]
