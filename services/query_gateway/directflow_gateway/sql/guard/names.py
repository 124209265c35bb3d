"""Operators by schema, types that look up the catalogue, and the catalogue's own relations."""

from collections.abc import Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.sql.guard.context import Context
from directflow_gateway.sql.tree import Node

_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "pg_toast")
# regconfig and regdictionary are not among them: to_tsvector('english'::regconfig, ...) looks up a configuration only.
_LOOKUP_TYPES = frozenset(
    {
        "regclass", "regcollation", "regnamespace", "regoper", "regoperator", "regproc", "regprocedure", "regrole",
        "regtype", "aclitem", "pg_node_tree",
    }
)  # fmt: skip
_OPERATOR_FIELDS = {"A_Expr": "name", "SubLink": "operName", "SortBy": "useOp"}


def qualified_operator(node: Node) -> tuple[str, ...]:
    """The operator that `node` applies, with its schema where OPERATOR(schema.op) gives one; () for none."""
    field = _OPERATOR_FIELDS.get(node.tag)
    return node.names(field) if field else ()


def check_operator(context: Context, node: Node) -> Iterator[Problem]:
    """OPERATOR(schema.op) reaches past PostgreSQL's own operators on purpose."""
    *schema, name = qualified_operator(node) or ("",)
    if not schema or schema[-1] == "pg_catalog" or context.allowance.operator(schema[-1], name):
        return
    yield context.problem(
        node,
        "OPERATOR_NOT_ALLOWED",
        f"Operator {'.'.join(schema)}.{name} is not allowed.",
        "Write the operator without a schema.",
    )


def check_type(context: Context, node: Node) -> Iterator[Problem]:
    """'x'::regclass and its kind look up objects by name, and are the arguments of functions that read them."""
    if node.tag != "TypeName":
        return
    *schema, name = node.names("names") or ("",)
    if name.removeprefix("_") in _LOOKUP_TYPES and schema in ([], ["pg_catalog"]):
        yield context.problem(
            node, "TYPE_NOT_ALLOWED", f"Type {name} is not allowed: it looks up objects of the catalogue by name."
        )


def check_relation(context: Context, node: Node) -> Iterator[Problem]:
    """pg_* and information_schema: other sessions' SQL, statistics with other rows' values, credentials."""
    if node.tag != "RangeVar" or node.role == "rel":
        return
    schema, name = node.text("schemaname"), node.text("relname")
    is_system = schema.startswith(("pg_toast", "pg_temp")) or schema in _SYSTEM_SCHEMAS
    if not is_system and not (schema == "" and name.startswith("pg_")):
        return
    if not context.allowance.relation(schema or "pg_catalog", name):
        yield context.problem(
            node,
            "SYSTEM_RELATION",
            f"{schema + '.' if schema else ''}{name} is not allowed: it is a relation of PostgreSQL's catalogue.",
            "" if schema else "If it is a table of your own, name its schema.",
        )
