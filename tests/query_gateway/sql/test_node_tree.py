"""Object numbers out of PostgreSQL's own query trees."""

from directflow_gateway.sql.catalogue import NodeObjects
from directflow_gateway.sql.node_tree import objects_in, objects_of_fields

TREE = r"""({QUERY :commandType 1 :rtable ({RANGETBLENTRY :eref {ALIAS :aliasname a\ :funcid\ 666 :colnames ("x")}
:relid
17023 :relkind v}) :targetList ({TARGETENTRY :expr {FUNCEXPR :funcid
17008 :funcresulttype 23 :args ({OPEXPR :opno 96 :opfuncid 65 :args ({VAR :varno 1 :vartype 16999}
{CONST :consttype 23})})}
{ROWCOMPAREEXPR :opnos (o 97 17015) :opfamilies (o 1976)} {AGGREF :aggfnoid 2147 :aggargtypes (o 20 17030)}
{COERCETODOMAIN :resulttype 17050} {SORTGROUPCLAUSE :eqop 410 :sortop 412}) :stmt_location 0 :stmt_len 65})"""


def test_functions_operators_relations_and_types_are_read_across_line_breaks() -> None:
    assert objects_in(TREE) == NodeObjects(
        functions=frozenset({17008, 65, 2147}),
        operators=frozenset({96, 97, 17015, 410, 412}),
        relations=frozenset({17023}),
        types=frozenset({17030, 17050}),
        read_types=frozenset({16999}),
    )


def test_a_name_that_looks_like_a_field_adds_nothing() -> None:
    assert 666 not in objects_in(TREE).functions


def test_fields_cut_out_on_the_server_mean_the_same() -> None:
    assert objects_of_fields(["opnos 97 17015", "funcid 5", "jointype 1", "location 9"]) == NodeObjects(
        functions=frozenset({5}), operators=frozenset({97, 17015})
    )


def test_nothing_names_nothing() -> None:
    assert objects_in("({QUERY :commandType 1 :relid 0})") == NodeObjects()
