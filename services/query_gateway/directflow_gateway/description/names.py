"""Names as an author writes them in SQL."""

import re

_PART = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def parts_of(dotted: str) -> tuple[str, ...]:
    """The parts of a dotted name as PostgreSQL stores them: lower case, unless they are quoted."""
    found = _PART.finditer(dotted)
    return tuple(match[1].replace('""', '"') if match[1] else match[2].lower() for match in found)


def written(*parts: str) -> str:
    """A dotted name as it can be written in SQL: quoted where it must be, empty parts left out.

    A reserved word comes out unquoted: it is shown to a person, never sent.
    """
    return ".".join(part if _PLAIN.fullmatch(part) else quoted(part) for part in parts if part)


def renamed(text: str, old: str, new: str) -> str:
    """SQL, or a sentence, in which one name is replaced by another, quoted or not."""
    old_in_words = rf'{re.escape(quoted(old))}|(?<![\w$"]){re.escape(old)}(?![\w$"])'
    return re.sub(old_in_words, lambda _: written(new), text)


def quoted(part: str) -> str:
    """One name in double quotes, as the server reads any name."""
    return '"' + part.replace('"', '""') + '"'
