"""What a credential file may hold: `{"username": ..., "password": ...}`, or a password alone.

A content that begins with `{` is JSON, always: a password that begins with a brace has to be written in the JSON form.
Otherwise a half-written JSON file would be sent to the customer's server as a password.
"""

import json
from dataclasses import dataclass

LARGEST = 64 * 1024


class ContentRefused(ValueError):
    """The content is no credential. The message says why, without any of it."""


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    user: str
    """Empty: the connection's own."""
    password: str


def parse(content: bytes) -> Login:
    """The login in a file's content. Further keys of the JSON object are left alone: Vault Agent templates add some."""
    text = _text(content)
    login = _from_json(text) if text.lstrip().startswith("{") else Login("", text.rstrip("\r\n"))
    if not login.password:
        # libpq takes an empty password for none, and would go on to look into ~/.pgpass.
        raise ContentRefused("the password is empty")
    return login


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise ContentRefused(f"more than {LARGEST} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ContentRefused("not UTF-8") from None
    if "\0" in text:
        raise ContentRefused("a NUL character")
    return text


def _from_json(text: str) -> Login:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # `from None`: the decoder's error holds the whole document.
        raise ContentRefused("not a JSON object") from None
    user, password = document.get("username", ""), document.get("password")
    if not isinstance(user, str) or not isinstance(password, str):
        raise ContentRefused('"password" and "username" have to be strings')
    return Login(user, password)
