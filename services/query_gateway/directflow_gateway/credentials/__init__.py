"""Logins to customers' databases. Only the gateway holds any."""

from directflow_gateway.credentials.credential import Credential, CredentialSource, Generations
from directflow_gateway.credentials.file import FileCredentialSource

__all__ = ["Credential", "CredentialSource", "FileCredentialSource", "Generations"]
