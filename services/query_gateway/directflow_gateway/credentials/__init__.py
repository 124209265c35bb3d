"""Logins to customers' databases. Only the gateway holds any."""

from directflow_gateway.credentials.credential import Credential, CredentialSource, Generations, Lease
from directflow_gateway.credentials.file import FileCredentialSource
from directflow_gateway.credentials.keyring import Keyring
from directflow_gateway.credentials.keyrings import Keyrings

__all__ = [
    "Credential",
    "CredentialSource",
    "FileCredentialSource",
    "Generations",
    "Keyring",
    "Keyrings",
    "Lease",
]
