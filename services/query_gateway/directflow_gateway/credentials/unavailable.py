"""Why there is no credential, and who must do what: without where it lies, whose it is, or what is in it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from directflow_runtime.errors import DirectFlowError, StatusCode

RETRY_AFTER_S: Final = 1.0


class Why(NamedTuple):
    """What is the matter, and who must do what."""

    what: str
    advice: str


_KEEPER: Final = "whoever keeps the credential"
_OPERATOR: Final = "the operator of DirectFlow"

CAUSES: Final[Mapping[str, Why]] = MappingProxyType(
    {
        "FILE_UNREADABLE": Why(
            "the credential cannot be read",
            f"{_OPERATOR} must put its file where the gateway's settings say for this connection, readable for the"
            " gateway",
        ),
        "FILE_CONTENT": Why(
            "the credential cannot be used",
            f"{_KEEPER} must write a password, or JSON with username and password, into its file",
        ),
        "NO_USER": Why(
            "neither the credential nor the connection names a user",
            f"give the connection its user, or have {_KEEPER} add the user's name to it",
        ),
        "FILES_NOT_CONFIGURED": Why(
            "this gateway reads no credentials from files",
            f"{_OPERATOR} must set the path under [credentials] in its settings, or the connection must say another"
            " kind of credential",
        ),
        "VAULT_NOT_CONFIGURED": Why(
            "this gateway has no Vault",
            f"{_OPERATOR} must add [vault] to its settings, or the connection must say another kind of credential",
        ),
        "VAULT_UNREACHABLE": Why(
            "Vault does not answer",
            f"{_OPERATOR} must see that Vault runs, and that the gateway reaches it and trusts its certificate;"
            " DirectFlow then goes on by itself",
        ),
        "VAULT_SEALED": Why("Vault is sealed", "its operator must unseal it; DirectFlow then goes on by itself"),
        "VAULT_DENIED": Why(
            "Vault does not let DirectFlow's gateway have this credential",
            "Vault's administrator must let the gateway log in, and allow it this connection's credential in its"
            " policy",
        ),
        "VAULT_NOT_FOUND": Why(
            "Vault has no secret for this connection",
            f"{_KEEPER} must store it where the gateway's settings say for this connection",
        ),
        "VAULT_NO_ROLE": Why(
            "Vault has no database role for this connection",
            "Vault's administrator must create the one that the gateway's settings say for this connection",
        ),
        "VAULT_CONTENT": Why(
            "what Vault has for this connection cannot be used as a credential",
            f"{_KEEPER} must store it with the fields that the gateway's settings say",
        ),
        "VAULT_BUSY": Why("Vault has too much to do", "try again; where it stays so, Vault's operator must see why"),
        "VAULT_SERVER": Why(
            "Vault failed to give the credential",
            "Vault's administrator finds the reason in its log: for a database role, whether Vault itself can log in"
            " to the database",
        ),
        "VAULT_MALFORMED": Why(
            "what answers is not Vault",
            f"{_OPERATOR} must correct the address of Vault in the gateway's settings, or what stands in front of it",
        ),
        "TIMEOUT": Why("the source of the credential does not answer", f"{_OPERATOR} must see why"),
        "EXPIRED": Why(
            "the credential has expired, and its source gives no other", f"{_KEEPER} must see why it is not renewed"
        ),
        "SHUTTING_DOWN": Why("this gateway is ending", "try again: another one answers"),
        "INTERNAL": Why("the credential cannot be read for an unknown reason", "the gateway's log says more"),
    }
)


class CredentialsUnavailable(DirectFlowError):
    """CREDENTIALS_UNAVAILABLE: no credential now, and perhaps one a little later."""

    def __init__(self, cause: str, detail: str = "") -> None:
        """`cause`: one of CAUSES. `detail`: more exactly, in words of ours, never out of the credential."""
        self.cause, self.detail = cause, detail
        self.what = f"{CAUSES[cause].what} ({detail})" if detail else CAUSES[cause].what
        self.advice = CAUSES[cause].advice
        super().__init__(
            StatusCode.UNAVAILABLE,
            "CREDENTIALS_UNAVAILABLE",
            f"{self.what}: {self.advice}",
            metadata={"cause": cause},
            retry_after=RETRY_AFTER_S,
        )

    def again(self) -> "CredentialsUnavailable":
        """The same for another caller, without the traceback of the first."""
        return CredentialsUnavailable(self.cause, self.detail)
