"""Why there is no credential, for callers and operators, without where it lies or what is in it."""

from directflow_runtime.errors import DirectFlowError, StatusCode

RETRY_AFTER_S = 1.0


def unavailable(message: str, cause: str) -> DirectFlowError:
    """No credential now, and perhaps one a little later; `cause` is for programs: "VAULT_SEALED"."""
    return DirectFlowError(
        StatusCode.UNAVAILABLE,
        "CREDENTIALS_UNAVAILABLE",
        message,
        metadata={"cause": cause},
        retry_after=RETRY_AFTER_S,
    )


def again(error: DirectFlowError) -> DirectFlowError:
    """The same error for another caller, without the traceback of the first."""
    return unavailable(error.message, error.metadata.get("cause", ""))
