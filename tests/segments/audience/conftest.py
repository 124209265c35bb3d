"""The ledger's rules once more in plain Python, row by row: what the vectorised ledger is judged by."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import pytest

Row = dict[str, str | int | None]


def is_email(text: str) -> bool:
    if len(text.encode()) > 254 or text.count("@") != 1 or not all(map(_visible, text)):
        return False
    local, domain = text.split("@")
    labels = domain.split(".")
    return (
        1 <= len(local.encode()) <= 64
        and not set('"(),:;<>[]\\') & set(local)
        and len(labels) >= 2
        and all(re.fullmatch(r"[A-Za-z0-9\x80-\U0010ffff-]+", label) for label in labels)
        and not any(label.startswith("-") or label.endswith("-") for label in labels)
    )


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in ("Zs", "Zl", "Zp", "Cc", "Cf")


def is_phone(text: str) -> bool:
    digits = "".join(c for c in text if c not in " .-()")
    return re.fullmatch(r"\+?[0-9]{7,15}", digits) is not None


RULES = {"email": is_email, "phone": is_phone}


@dataclass(frozen=True)
class Expected:
    delivered: list[Row]
    rows: dict[str, int]
    people: dict[str, int]
    left_out: int


def expect(
    rows: list[Row], contacts: tuple[str, ...], required: tuple[str, ...], check_format: bool = True
) -> Expected:
    """Contacts: the contact columns there are; required: those of which one is enough."""
    delivered: list[Row] = []
    counts = dict.fromkeys(["null_keys", "no_contact", "invalid_contact", "duplicates"], 0)
    met: dict[str, set[object]] = {name: set() for name in ["no_contact", "invalid_contact", "delivered", "duplicates"]}
    left_out = 0
    for row in rows:
        key = row["profile_id"]
        good = {c: bool(row[c]) and (not check_format or RULES[c](str(row[c]))) for c in contacts}
        if key is None:
            counts["null_keys"] += 1
        elif not any(row[c] for c in required):
            counts["no_contact"] += 1
            met["no_contact"].add(key)
        elif not any(good[c] for c in required):
            counts["invalid_contact"] += 1
            met["invalid_contact"].add(key)
        elif key in met["delivered"]:
            counts["duplicates"] += 1
            met["duplicates"].add(key)
        else:
            met["delivered"].add(key)
            bad = [c for c in contacts if row[c] and not good[c]]
            left_out += len(bad)
            delivered.append({**row, **dict.fromkeys(bad)})
    met["invalid_contact"] -= met["delivered"]
    met["no_contact"] -= met["delivered"] | met["invalid_contact"]
    people = {name: len(keys) for name, keys in met.items()} | {"null_keys": 0}
    return Expected(delivered, counts | {"delivered": len(delivered)}, people, left_out)


@pytest.fixture(scope="session")
def rules() -> dict[str, Callable[[str], bool]]:
    return RULES


@pytest.fixture(scope="session")
def reference() -> Callable[..., Expected]:
    return expect
