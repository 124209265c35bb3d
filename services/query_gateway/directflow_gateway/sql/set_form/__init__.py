"""One statement for many profiles, written around an author's statement for one."""

from directflow_gateway.sql.set_form.arrays import Elements, array_text
from directflow_gateway.sql.set_form.castable import certainly_castable, is_known
from directflow_gateway.sql.set_form.joining import computes_columns, unsafe_to_join
from directflow_gateway.sql.set_form.own_errors import RowsOfOneTable, rows_of_one_table
from directflow_gateway.sql.set_form.risks import Risks, risks_of
from directflow_gateway.sql.set_form.semi_join import SemiJoin, semi_join_of
from directflow_gateway.sql.set_form.writing import Outcomes, SetStatement, SetWriter

__all__ = [
    "Elements",
    "Outcomes",
    "Risks",
    "RowsOfOneTable",
    "SemiJoin",
    "SetStatement",
    "SetWriter",
    "array_text",
    "certainly_castable",
    "computes_columns",
    "is_known",
    "risks_of",
    "rows_of_one_table",
    "semi_join_of",
    "unsafe_to_join",
]
