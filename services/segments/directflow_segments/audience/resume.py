"""Where a stream in KEY order goes on: a token that holds the last person's key."""

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.tokens import seal, unseal


def resume_token(request: bytes, key: str | None) -> bytes:
    """The token behind the person with this key; empty where nobody is settled yet and only the start is left."""
    return b"" if key is None else seal(request, key.encode())


def resume_key(request: bytes, token: bytes) -> str | None:
    """The key to go on behind; None for the empty token. RESUME_TOKEN_INVALID for what is no token of this request."""
    if not token:
        return None
    payload = unseal(request, token)
    if payload is None:
        raise _invalid()
    try:
        return payload.decode()
    except UnicodeDecodeError:
        # Anybody can compute a digest that fits: what it seals need not be a key. `from None`: the cause holds it.
        raise _invalid() from None


def _invalid() -> DirectFlowError:
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        "RESUME_TOKEN_INVALID",
        "The resume token is none of ours, or belongs to another request or another revision of the data source.",
        violations=[FieldViolation("resume_token", "is not a token of this request", "RESUME_TOKEN_INVALID")],
    )
