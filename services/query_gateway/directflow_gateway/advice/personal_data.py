"""Personal data in the list of segments, which everybody who chooses segments sees.

Judged by the names of columns, part by part, and by their last parts above all: `owner_email` is an address,
`email_count` a number; `community_name` names no person, `first_name` does. Better one too few than a warning that
nobody reads any more.
"""

import re
from collections.abc import Iterator, Sequence

from directflow_runtime.errors import Problem

from directflow_gateway.advice.subject import Subject
from directflow_gateway.description import ColumnType, WireType
from directflow_gateway.description.names import written

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")
_EMAIL, _PHONE, _NAME = "e-mail addresses", "phone numbers", "names of people"
_ADDRESS, _BIRTH, _NUMBER = "addresses of people", "dates of birth", "numbers that identify people"

_ENDINGS = {
    **dict.fromkeys(("email", "emails", "e mail", "email address", "e mail address", "mail address"), _EMAIL),
    **dict.fromkeys(
        ("phone", "phones", "phone number", "phone no", "telephone", "telephone number", "mobile number", "cellphone",
         "mobile phone", "msisdn", "fax number", "whatsapp number"), _PHONE),
    **dict.fromkeys(
        ("first name", "firstname", "last name", "lastname", "middle name", "surname", "forename", "given name",
         "family name", "maiden name", "full name", "fullname", "username", "user name", "member name", "person name",
         "contact name", "owner name", "subscriber name", "recipient name", "employee name", "patient name"), _NAME),
    **dict.fromkeys(
        ("street address", "home address", "postal address", "mailing address", "billing address", "shipping address",
         "delivery address", "user address", "address line", "ip address", "ip addr"), _ADDRESS),
    **dict.fromkeys(("birthday", "birth day", "birthdate", "birth date", "date of birth", "dob"), _BIRTH),
    **dict.fromkeys(
        ("ssn", "social security number", "national id", "passport number", "iban", "credit card number",
         "card number"), _NUMBER),
}  # fmt: skip
_WHOLE = {"mail": _EMAIL, "mobile": _PHONE, "tel": _PHONE, "address": _ADDRESS, "born": _BIRTH, "ip": _ADDRESS}
"""Only as the whole name: `store_address` and `auto_mobile` name no person."""
_NETWORK_TYPES = frozenset({"inet", "cidr"})
_MAY_BE_NUMBERS = frozenset({_PHONE, _NUMBER})
_LONGEST_ENDING = 3


def personal_data_warnings(subject: Subject) -> Iterator[Problem]:
    """Columns of a discovery query that look like personal data."""
    if subject.role != "discovery":
        return
    for index, column in enumerate(subject.description.columns):
        what = kind_of_personal_data(column)
        if what:
            yield subject.warning(
                subject.select_list.place(index, column.name),
                "PERSONAL_DATA_IN_SEGMENTS",
                f"The column {written(column.name)} looks like {what}: everybody who chooses segments sees it.",
                "Leave it out: what a person's message needs belongs into the generator or the preload. If it is no "
                "personal data, give it another name with AS.",
            )


def kind_of_personal_data(column: ColumnType) -> str:
    """What the column seems to hold ("phone numbers"); "" for no personal data."""
    if column.pg_type in _NETWORK_TYPES:
        return "IP addresses"
    parts = [part.lower() for part in _PART.findall(column.name)]
    what = _WHOLE.get(" ".join(parts)) or _by_ending(parts)
    # A number called `email` counts something, and a flag tells that there is one.
    is_number = column.wire in (WireType.INTEGER, WireType.DOUBLE) or column.pg_type.startswith("numeric")
    if column.wire is WireType.BOOLEAN or (is_number and what not in _MAY_BE_NUMBERS):
        return ""
    return what


def _by_ending(parts: Sequence[str]) -> str:
    endings = (" ".join(parts[-length:]) for length in range(_LONGEST_ENDING, 0, -1))
    return next((_ENDINGS[ending] for ending in endings if ending in _ENDINGS), "")
