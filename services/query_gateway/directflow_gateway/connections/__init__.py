"""Customers' databases: what a connection is, how far a call on it may go, and where it may lead."""

from directflow_gateway.connections.book import Connections
from directflow_gateway.connections.connection import Connection, CredentialKind, RolePolicy, SslMode, Target
from directflow_gateway.connections.definition import Binding, ConnectionDefinition
from directflow_gateway.connections.egress import EgressPolicy, EgressRefused, resolve
from directflow_gateway.connections.host import HostRefused, check_host
from directflow_gateway.connections.limits import GREATEST, LimitOverrides, Limits
from directflow_gateway.connections.settings import ConnectionSettings, EgressSettings, LimitsSettings

__all__ = [
    "GREATEST",
    "Binding",
    "Connection",
    "ConnectionDefinition",
    "ConnectionSettings",
    "Connections",
    "CredentialKind",
    "EgressPolicy",
    "EgressRefused",
    "EgressSettings",
    "HostRefused",
    "LimitOverrides",
    "Limits",
    "LimitsSettings",
    "RolePolicy",
    "SslMode",
    "Target",
    "check_host",
    "resolve",
]
