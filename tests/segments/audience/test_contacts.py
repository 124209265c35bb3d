"""Which e-mail addresses and phone numbers are well formed."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from directflow_segments.audience.contacts import ContactKind, present, well_formed
from hypothesis import example, given
from hypothesis import strategies as st

Rules = dict[str, Callable[[str], bool]]

GOOD_EMAILS = [
    "a@b.co",
    "first.last+tag@sub.example.com",
    "o'brien@example.ie",
    "x@a-b.example",
    "user%host@example.org",
    "jürgen@exämple.de",
    "用户@例子.中国",
    "dot.@docomo.example",
    "a" * 64 + "@example.com",
    "a@" + ".".join(["b" * 60] * 4) + ".com",
]
BAD_EMAILS = [
    "plain",
    "@example.com",
    "a@",
    "a@b",
    "a@b@c.com",
    "a b@example.com",
    "a@exa mple.com",
    " a@example.com",
    "a@example.com ",
    "a@example.com\n",
    "a@.com",
    "a@example.",
    "a@example..com",
    "a@-example.com",
    "a@example-.com",
    "a@exam_ple.com",
    "a@[10.0.0.1]",
    '"a"@example.com',
    "Jane <jane@example.com>",
    "a@example.com,b@example.com",
    "a\u00a0b@example.com",
    "a\u200b@example.com",
    "a@exam\u2003ple.com",
    "a\x00@example.com",
    "a@b.c\u0085",
    "a" * 65 + "@example.com",
    "ü" * 33 + "@example.com",
    "a@" + "b" * 250 + ".com",
]
GOOD_PHONES = [
    "+4917012345678",
    "0170 123 45 67",
    "(0170) 123-45.67",
    "+(49) 170 1234567",
    "1234567",
    "123456789012345",
]
BAD_PHONES = [
    "",
    "123456",
    "1234567890123456",
    "++4917012345",
    "49+17012345",
    "0170x1234567",
    "n/a",
    "+",
    "١٢٣٤٥٦٧",
    "1234567\n",
]


def verdicts(texts: list[str | None], kind: ContactKind) -> list[bool]:
    return well_formed(pa.array(texts, pa.string()), kind).tolist()


@pytest.mark.parametrize("text", GOOD_EMAILS)
def test_an_address_that_a_provider_may_accept_passes(text: str) -> None:
    assert verdicts([text], ContactKind.EMAIL) == [True]


@pytest.mark.parametrize("text", BAD_EMAILS)
def test_an_address_that_no_provider_accepts_does_not_pass(text: str) -> None:
    assert verdicts([text], ContactKind.EMAIL) == [False]


@pytest.mark.parametrize("text", GOOD_PHONES)
def test_seven_to_fifteen_digits_with_separators_are_a_phone_number(text: str) -> None:
    assert verdicts([text], ContactKind.PHONE) == [True]


@pytest.mark.parametrize("text", BAD_PHONES)
def test_anything_else_is_no_phone_number(text: str) -> None:
    assert verdicts([text], ContactKind.PHONE) == [False]


def test_null_and_the_empty_string_are_no_contact_point_at_all() -> None:
    column = pa.array([None, "", " ", "x"], pa.string())
    assert present(column).tolist() == [False, False, True, True]
    assert verdicts([None, ""], ContactKind.EMAIL) == [False, False]
    assert verdicts([None, ""], ContactKind.PHONE) == [False, False]


@given(st.lists(st.text(alphabet="aZ9.-@_+ ü\u00a0(<", max_size=12), max_size=30))
@example(["a@b.co", "a@b-.co", "", "ä@b.co"])
def test_addresses_are_judged_as_the_plain_rule_judges_them(rules: Rules, texts: list[str]) -> None:
    assert verdicts(list(texts), ContactKind.EMAIL) == [rules["email"](text) for text in texts]


@given(st.lists(st.integers(55, 75), max_size=4), st.integers(1, 6))
def test_lengths_are_judged_in_bytes_as_the_plain_rule_judges_them(rules: Rules, sizes: list[int], labels: int) -> None:
    texts = [letter * size + "@" + ".".join(["d" * 45] * labels) + ".org" for size in sizes for letter in ("a", "é")]
    assert verdicts(list(texts), ContactKind.EMAIL) == [rules["email"](text) for text in texts]


@given(st.lists(st.text(alphabet="01239+ .-()x٣", max_size=22), max_size=30))
def test_phone_numbers_are_judged_as_the_plain_rule_judges_them(rules: Rules, texts: list[str]) -> None:
    assert verdicts(list(texts), ContactKind.PHONE) == [rules["phone"](text) for text in texts]


def test_a_slice_of_a_column_is_judged_by_its_own_rows() -> None:
    column = pa.array(["bad", "a@b.co", None, "also bad", "c@d.org", "x" * 80 + "@e.org"]).slice(1)
    assert well_formed(column, ContactKind.EMAIL).tolist() == [True, False, False, True, False]
