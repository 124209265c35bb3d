"""Resume tokens: good for their own request, refused everywhere else."""

import pytest
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_runtime.tokens import fingerprint, seal
from directflow_segments.audience.resume import resume_key, resume_token
from hypothesis import given
from hypothesis import strategies as st

REQUEST = fingerprint(b"target", b"revision 3")


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_a_token_gives_its_key_back_to_its_own_request(key: str) -> None:
    assert resume_key(REQUEST, resume_token(REQUEST, key)) == key


def test_no_token_is_the_start_and_nobody_settled_is_no_token() -> None:
    assert resume_token(REQUEST, None) == b""
    assert resume_key(REQUEST, b"") is None


@given(st.binary(max_size=64), st.integers(0, 200), st.integers(1, 255))
def test_any_other_bytes_are_refused(junk: bytes, position: int, flip: int) -> None:
    token = bytearray(resume_token(REQUEST, "4711"))
    token[position % len(token)] ^= flip
    for bad in (bytes(token), junk or b"x", b"\x02" + resume_token(REQUEST, "1")[1:]):
        with pytest.raises(DirectFlowError) as refusal:
            resume_key(REQUEST, bad)
        assert (refusal.value.code, refusal.value.reason) == (StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")


def test_a_made_up_token_whose_key_is_no_text_is_refused() -> None:
    with pytest.raises(DirectFlowError) as refusal:
        resume_key(REQUEST, seal(REQUEST, b"4711\xff"))
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")


def test_a_token_of_another_request_or_revision_is_refused() -> None:
    with pytest.raises(DirectFlowError, match="another request"):
        resume_key(fingerprint(b"target", b"revision 4"), resume_token(REQUEST, "4711"))


def test_parts_of_a_request_do_not_run_into_each_other() -> None:
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc") != fingerprint(b"abc")
