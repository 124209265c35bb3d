"""Which names of columns look like personal data."""

import pytest
from directflow_gateway.advice.personal_data import kind_of_personal_data
from directflow_gateway.description import ColumnType
from directflow_gateway.description.result import wire_type

OIDS = {"text": 25, "bigint": 20, "boolean": 16, "numeric": 1700, "inet": 869, "date": 1082}


def kind(name: str, pg_type: str = "text") -> str:
    return kind_of_personal_data(ColumnType(name, pg_type, OIDS[pg_type], wire_type(OIDS[pg_type])))


@pytest.mark.parametrize(
    "name",
    [
        "email", "EMAIL", "e_mail", "e-mail", "mail", "emails", "owner_email", "ownerEmail", "contact_email_2",
        "email_address", "phone", "phone_number", "PhoneNumber", "mobile", "first_name", "FirstName", "last name",
        "surname", "full_name", "owner_name", "username", "address", "home_address", "ip", "ip_address", "birthday",
        "date_of_birth", "birthDate", "dob", "ssn", "iban",
    ],
)  # fmt: skip
def test_names_of_personal_data(name: str) -> None:
    assert kind(name)


@pytest.mark.parametrize(
    "name",
    [
        "id", "name", "community_name", "plan_name", "display_name", "product_name", "store_name", "file_name",
        "campaign_name", "city", "country", "zip", "email_count", "emails_sent", "email_domain", "phone_model",
        "address_count", "web_address", "mobile_app", "automobile", "gmail_label", "birth_year_group", "membership",
        "tel_aviv", "shipping", "zipcode", "description", "user_count", "last_login", "first_seen",
    ],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert kind(name) == ""


def test_a_number_or_a_flag_is_no_address() -> None:
    assert kind("email", "bigint") == ""
    assert kind("has_email", "boolean") == ""
    assert kind("phone", "boolean") == ""
    assert kind("phone", "bigint") == "phone numbers"


def test_an_ip_address_is_known_by_its_type() -> None:
    assert kind("seen_from", "inet") == "IP addresses"
