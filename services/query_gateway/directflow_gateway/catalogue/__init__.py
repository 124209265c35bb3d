"""The customer's catalogue: what the names in a statement may reach, asked of the server itself."""

from directflow_gateway.catalogue.check import catalogue_problems
from directflow_gateway.catalogue.load import Wanted, load, wanted_for
from directflow_gateway.catalogue.resolve import resolve

__all__ = ["Wanted", "catalogue_problems", "load", "resolve", "wanted_for"]
