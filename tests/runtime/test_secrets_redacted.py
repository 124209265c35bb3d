"""No accident shows a Secret."""

import copy
import json
import pickle
import traceback

import pytest
from directflow_runtime.secrets import Secret

SECRET = Secret("hush-hush")


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:>40}",
        "{} {!r}".format(SECRET, SECRET),  # noqa: UP032  the other way of formatting
        repr([SECRET]),
    ],
)
def test_text_forms_are_redacted(shown: str) -> None:
    assert "hush" not in shown
    assert "**********" in shown


def test_it_cannot_be_pickled_or_made_json() -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(SECRET)
    with pytest.raises(TypeError):
        json.dumps(SECRET)


def test_a_traceback_with_locals_does_not_show_it() -> None:
    secret = SECRET
    try:
        raise ValueError(secret)
    except ValueError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    assert "hush" not in "".join(lines)


def test_reveal_is_the_way_to_the_value() -> None:
    assert SECRET.reveal() == "hush-hush"


def test_equality_truth_and_copies_work_without_revealing() -> None:
    assert Secret("hush-hush") == SECRET
    assert Secret("other") != SECRET
    assert SECRET != "hush-hush"
    assert hash(Secret("hush-hush")) == hash(SECRET)
    assert not Secret("")
    assert copy.deepcopy({"key": SECRET})["key"] is SECRET
    assert copy.copy(SECRET) is SECRET
