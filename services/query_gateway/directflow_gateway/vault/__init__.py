"""HashiCorp Vault: one login of the process, reads and writes. Paths and what they hold are the callers' business."""

from directflow_gateway.vault.answer import Answer
from directflow_gateway.vault.failures import FailureKind, VaultFailure
from directflow_gateway.vault.session import VaultSession
from directflow_gateway.vault.settings import LoginMethod, VaultLoginSettings, VaultSettings

__all__ = [
    "Answer",
    "FailureKind",
    "LoginMethod",
    "VaultFailure",
    "VaultLoginSettings",
    "VaultSession",
    "VaultSettings",
]
