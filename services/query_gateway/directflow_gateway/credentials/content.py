"""What a stored login may be; as a file: `{"username": ..., "password": ...}`, or a password alone.

A content that begins with `{` is JSON, always: a password that begins with a brace has to be written in the JSON form.
Otherwise a half-written JSON file would be sent to the customer's server as a password.
"""

import json
import re
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
    if not text.lstrip().startswith("{"):
        return login_of("", text.rstrip("\r\n"))
    document = _from_json(text)
    return login_of(document.get("username", ""), document.get("password"))


def login_of(user: object, password: object) -> Login:
    """A login that a server can be sent. Raises ContentRefused."""
    if not isinstance(user, str) or not isinstance(password, str):
        raise ContentRefused("user name and password have to be strings")
    if not password:
        # libpq takes an empty password for none, and would go on to look into ~/.pgpass.
        raise ContentRefused("the password is empty")
    if re.search("[\0\ud800-\udfff]", user + password):
        # Half a surrogate pair cannot be encoded, and the error of trying holds the whole text.
        raise ContentRefused("a NUL character, or half of one")
    if len(user) + len(password) > LARGEST:
        raise ContentRefused(f"more than {LARGEST} characters")
    return Login(user, password)


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise ContentRefused(f"more than {LARGEST} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ContentRefused("not UTF-8") from None


def _from_json(text: str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # `from None`: the decoder's error holds the whole document.
        raise ContentRefused("not a JSON object") from None
    if not isinstance(document, dict):
        raise ContentRefused("not a JSON object")
    return document
