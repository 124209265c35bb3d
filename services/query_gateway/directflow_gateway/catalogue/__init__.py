"""The customer's catalogue: what the names in a statement may reach, asked of the server itself."""

from directflow_gateway.catalogue.check import catalogue_problems, problems_as_resolved, problems_by_name
from directflow_gateway.catalogue.load import Wanted, load, wanted_for
from directflow_gateway.catalogue.resolve import resolve
from directflow_gateway.sql.reference_check import may_be_resolved

__all__ = [
    "Wanted",
    "catalogue_problems",
    "load",
    "may_be_resolved",
    "problems_as_resolved",
    "problems_by_name",
    "resolve",
    "wanted_for",
]
