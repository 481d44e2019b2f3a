"""fakesnow's cursor with its translation into DuckDB's SQL put right in a few places."""
import fakesnow.transforms as transforms
from fakesnow.cursor import FakeSnowflakeCursor
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

EPOCH = "1970-01-01"
FORMATS = [("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH24", "%H"), ("MI", "%M"), ("SS", "%S"),
           ("FF6", "%f"), ("FF", "%f")]


class Cursor(FakeSnowflakeCursor):
    def run(self, expression, params=None):
        """execute() of a statement that is parsed already: writing it as text again would lose parts."""
        params = list(params) if isinstance(params, tuple) else params
        self.check_db_and_schema(expression)
        try:
            for statement in self._transform_explode(expression):
                transformed = self._transform(statement, params)
                bound = params if transformed.find(exp.Placeholder) else None
                self._execute(transformed, bound)
        except NotImplementedError as error:
            raise ProgrammingError(msg=f"fakesnow has no {error}", errno=9999,
                                   sqlstate="99999") from error

    def _transform(self, expression, params):
        return super()._transform(expression, params).transform(duckdb_function)


def duckdb_function(node):
    """Functions that fakesnow or sqlglot write otherwise than Snowflake computes them."""
    if isinstance(node, exp.LowerHex):
        return exp.Anonymous(this="lower", expressions=[exp.Anonymous(this="hex",
                                                                      expressions=[node.this])])
    if isinstance(node, exp.ToChar) and isinstance(node.args.get("format"), exp.Literal):
        return formatted(node.this, node.args["format"].name)
    return node


def formatted(value, text):
    """TO_VARCHAR(value, text) by DuckDB's strftime; a time alone stands on some day."""
    for snowflake, strftime in FORMATS:
        text = text.replace(snowflake, strftime)
    pattern = exp.Literal.string(text)
    if "%Y" in text or "%d" in text:
        value = exp.cast(value, "timestamp")
    else:
        day = exp.cast(exp.Literal.string(EPOCH), "date")
        value = exp.Add(this=day, expression=exp.cast(value, "time"))
    return exp.Anonymous(this="strftime", expressions=[value, pattern])


def exact_aggregate(node):
    """fakesnow makes every SUM one of DOUBLE; Snowflake adds NUMBER exactly. The name stays."""
    if isinstance(node, (exp.Sum, exp.Avg)) and isinstance(node.parent, exp.Select):
        name = "SUM" if isinstance(node, exp.Sum) else "AVG"
        text = node.this.sql(dialect="snowflake").upper()
        return exp.alias_(node, f"{name}({text})", quoted=True)
    return node


transforms.numeric_agg_implicit_cast = exact_aggregate
