"""Customers' databases: what a connection is, how far a call on it may go, and where it may lead."""

from directflow_gateway.connections.book import Connections
from directflow_gateway.connections.connection import Connection, RolePolicy, SslMode
from directflow_gateway.connections.egress import EgressPolicy, EgressRefused, resolve
from directflow_gateway.connections.host import HostRefused, check_host
from directflow_gateway.connections.limits import LimitOverrides, Limits
from directflow_gateway.connections.settings import ConnectionSettings, EgressSettings, LimitsSettings

__all__ = [
    "Connection",
    "ConnectionSettings",
    "Connections",
    "EgressPolicy",
    "EgressRefused",
    "EgressSettings",
    "HostRefused",
    "LimitOverrides",
    "Limits",
    "LimitsSettings",
    "RolePolicy",
    "SslMode",
    "check_host",
    "resolve",
]
