"""How the stand-in says no."""

PERMISSION_DENIED = "permission denied"


class Refused(Exception):
    """An answer with an error: an HTTP status and Vault's `errors`. No message holds a secret."""

    def __init__(self, status: int, *messages: str) -> None:
        super().__init__(status, *messages)
        self.status = status
        self.messages = messages


def denied() -> Refused:
    """403 for a token that is unknown or whose time is over, and for logins: nobody is told which."""
    return Refused(403, PERMISSION_DENIED)


def not_allowed() -> Refused:
    """403 for a valid token without the capability. The real one puts it like this."""
    return several(403, PERMISSION_DENIED)


def several(status: int, *messages: str) -> Refused:
    """With the text that Go's multierror makes of messages: some answers come that way and some plain."""
    count = f"{len(messages)} error{'s' if len(messages) > 1 else ''} occurred:"
    return Refused(status, count + "".join(f"\n\t* {message}" for message in messages) + "\n\n")
