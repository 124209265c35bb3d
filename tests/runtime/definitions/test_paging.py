"""A page token goes on behind an item, and is good for the request that it was made for."""

import base64

import pytest
from directflow_runtime.definitions.paging import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    MOST_PAGE_BYTES,
    number_at,
    page_after,
    page_size,
    position,
    token_at,
)
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.tokens import fingerprint, seal


def text(item: str) -> str:
    return item


def test_the_size_has_a_default_and_a_bound() -> None:
    assert page_size(0) == DEFAULT_PAGE
    assert page_size(7) == 7
    assert page_size(LARGEST_PAGE + 1) == LARGEST_PAGE
    with pytest.raises(DirectFlowError) as raised:
        page_size(-1)
    assert [violation.field for violation in raised.value.violations] == ["page_size"]


def test_pages_follow_each_other_to_the_end() -> None:
    items, seen, token = ["a", "b", "c", "d", "e"], [], ""
    for _ in range(3):
        page, token = page_after(items, text, 2, token, "list")
        seen.append(page)
    assert seen == [["a", "b"], ["c", "d"], ["e"]]
    assert token == ""


def test_a_full_last_page_has_no_token() -> None:
    assert page_after(["a", "b"], text, 2, "") == (["a", "b"], "")
    assert page_after([], text, 2, "") == ([], "")


def test_what_comes_and_goes_between_two_pages_moves_nothing_else() -> None:
    _, token = page_after(["b", "d", "f"], text, 2, "", "list")
    assert page_after(["a", "b", "c", "e", "f"], text, 9, token, "list") == (["e", "f"], "")


def test_a_page_ends_early_where_its_items_are_large_and_has_at_least_one() -> None:
    def weight(item: str) -> int:
        return MOST_PAGE_BYTES if item == "huge" else MOST_PAGE_BYTES // 2

    items = ["a", "b", "c", "huge"]
    page, token = page_after(items, text, 9, "", weight=weight)
    assert page == ["a", "b"]
    page, token = page_after(items, text, 9, token, weight=weight)
    assert page == ["c"]
    assert page_after(items, text, 9, token, weight=weight) == (["huge"], "")


@pytest.mark.parametrize(
    "spoil", [lambda token: token[:-2], lambda token: "x" + token[1:], lambda token: "ä!", str.upper]
)
def test_a_damaged_token_is_refused(spoil: object) -> None:
    token = token_at("workspaces/acme/things/one", "list")
    assert position(token, "list") == "workspaces/acme/things/one"
    with pytest.raises(DirectFlowError) as raised:
        position(spoil(token), "list")  # type: ignore[operator]
    assert raised.value.reason == "PAGE_TOKEN_INVALID"


def test_a_token_of_another_request_is_refused() -> None:
    token = token_at("a", "list", "acme")
    for request in (("list", "other"), ("list",), ("listacme",), ("acme", "list")):
        with pytest.raises(DirectFlowError):
            position(token, *request)


def test_a_token_can_stand_in_a_url() -> None:
    token = token_at("ÿ" * 50, "list")
    assert set(token) <= set(base64.urlsafe_b64encode(bytes(range(256))).decode()) - {"="}
    assert position(token, "list") == "ÿ" * 50


@pytest.mark.parametrize("made_up", ["abc", "-1", "", "9" * 30, "٣"])
def test_a_made_up_number_is_refused_like_a_damaged_token(made_up: str) -> None:
    assert number_at(token_at("7", "revisions"), "revisions") == 7
    with pytest.raises(DirectFlowError) as raised:
        number_at(token_at(made_up, "revisions"), "revisions")
    assert raised.value.reason == "PAGE_TOKEN_INVALID"


def test_a_made_up_position_that_is_no_text_is_refused() -> None:
    sealed = seal(fingerprint(b"list"), b"\xff")
    with pytest.raises(DirectFlowError) as raised:
        position(base64.urlsafe_b64encode(sealed).decode(), "list")
    assert raised.value.reason == "PAGE_TOKEN_INVALID"
