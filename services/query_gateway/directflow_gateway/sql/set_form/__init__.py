"""One statement for many profiles, written around an author's statement for one."""

from directflow_gateway.sql.set_form.arrays import array_text, certainly_castable, is_known
from directflow_gateway.sql.set_form.risks import Risks, risks_of
from directflow_gateway.sql.set_form.semi_join import SemiJoin, semi_join_of
from directflow_gateway.sql.set_form.writing import Outcomes, SetStatement, SetWriter

__all__ = [
    "Outcomes",
    "Risks",
    "SemiJoin",
    "SetStatement",
    "SetWriter",
    "array_text",
    "certainly_castable",
    "is_known",
    "risks_of",
    "semi_join_of",
]
