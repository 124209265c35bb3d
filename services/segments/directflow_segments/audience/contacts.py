"""Which contact points are well formed: a practical rule for each, decided for whole columns by Arrow.

The rules keep out what no provider accepts, and nothing that one may. Values are never changed: what passes is passed
on as it is, what does not is left out.

E-mail address: exactly one `@`; before it 1 to 64 bytes, behind it a domain of two or more labels (a name without a
dot is no public domain); at most 254 bytes in all (RFC 5321). Non-ASCII letters may stand on both sides (SMTPUTF8,
IDN). No space, control or invisible character, and none of `"(),:;<>[]` and backslash: quoted local parts and address
literals, which the RFC allows, are mistakes wherever people are listed. ASCII in the domain is letters, digits and
hyphens, and no label begins or ends with a hyphen.

Phone number: an optional `+`, and 7 to 15 digits (E.164), with any spaces, dots, hyphens and round brackets among them.
"""

import enum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

LONGEST_EMAIL = 254
LONGEST_LOCAL_PART = 64

_INVISIBLE = r"\x{7f}-\x{a0}\p{Z}\p{Cf}"
_NOT_IN_LOCAL = rf'\x00-\x20"(),:;<>@\[\\\]{_INVISIBLE}'
_NOT_IN_DOMAIN = rf"\x00-,./:-@\[-`{{-\x{{7e}}{_INVISIBLE}"
_LABEL = rf"[^\-{_NOT_IN_DOMAIN}](?:[^{_NOT_IN_DOMAIN}]*[^\-{_NOT_IN_DOMAIN}])?"
_EMAIL = rf"^[^{_NOT_IN_LOCAL}]+@(?:{_LABEL}\.)+{_LABEL}$"
_PLAIN_EMAIL = r"^[a-zA-Z0-9._%+-]+@(?:[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*\.)+[a-zA-Z0-9]+$"
"""What most addresses are, and part of _EMAIL. Arrow compiles a pattern on every call, and _EMAIL with its Unicode
classes takes 0.25 ms: too much for every batch, nothing for the odd one."""
_PHONE = r"^[ .()-]*\+?[ .()-]*(?:[0-9][ .()-]*){7,15}$"

Mask = npt.NDArray[np.bool_]


class ContactKind(enum.Enum):
    """What a contact column holds. The value is the column's name."""

    EMAIL = "email"
    PHONE = "phone"


def present(column: pa.StringArray) -> Mask:
    """True where there is something: neither NULL nor the empty string."""
    return _lengths(column) > 0


def well_formed(column: pa.StringArray, kind: ContactKind) -> Mask:
    """True where the contact point keeps its rule; False also for NULL and the empty string."""
    return _matches(column, _PHONE) if kind is ContactKind.PHONE else _well_formed_emails(column)


def _well_formed_emails(column: pa.StringArray) -> Mask:
    lengths = _lengths(column)
    keeps = _matches(column, _PLAIN_EMAIL)
    rest = np.flatnonzero(~keeps & (lengths > 0))
    if rest.size:
        keeps[rest] = _matches(column.take(pa.array(rest)), _EMAIL)
    if lengths.max(initial=0) > LONGEST_LOCAL_PART:
        at = pc.find_substring(column, "@").fill_null(0).to_numpy(zero_copy_only=False)
        keeps &= (lengths <= LONGEST_EMAIL) & (at <= LONGEST_LOCAL_PART)
    return keeps


def _matches(column: pa.StringArray, pattern: str) -> Mask:
    matched = pc.match_substring_regex(column, pattern)
    if matched.null_count:
        matched = matched.fill_null(False)
    return np.asarray(matched.to_numpy(zero_copy_only=False))


def _lengths(column: pa.StringArray) -> npt.NDArray[np.integer]:
    """Bytes of each value; 0 for NULL."""
    lengths = pc.binary_length(column)
    if lengths.null_count:
        lengths = lengths.fill_null(0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False))
