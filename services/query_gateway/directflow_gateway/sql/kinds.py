"""The kinds of variables as the SQL core knows them: those that every service knows."""

from directflow_runtime.variable_kinds import BOOLEANS, INT64, Kind, accepts, printed

__all__ = ["BOOLEANS", "INT64", "Kind", "accepts", "printed"]
