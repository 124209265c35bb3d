"""Which parameter an error's CONTEXT names, in every language that PostgreSQL 15 speaks."""

import pytest
from directflow_gateway.execution.bind_context import rejected_parameter

LANGUAGES = {
    "en": "unnamed portal parameter $2 = '...'",
    "de": "unbenanntes Portal Parameter $2 = '...'",
    "es": "portal sin nombre, parámetro 2 = '...'",
    "fr": "paramètre de portail non nommé $2 = '...'",
    "it": "parametro portale senza nome $2 = '...'",
    "ja": "無名ポータルパラメータ $2 = '...'",
    "ka": "უსახელო პორტალის პარამეტრი $2 = '...'",
    "ko": "이름없는 포탈 $2 매개 변수 = '...'",
    "ru": "неименованный портал, параметр $2 = '...'",
    "sv": "ej namngiven portalparameter $2 = '...'",
    "uk": "параметр порталу без назви $2 = '...'",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_number_is_found_in_every_language(language: str) -> None:
    assert rejected_parameter(LANGUAGES[language], 2) == 2


@pytest.mark.parametrize(
    ("context", "number"),
    [
        ("unnamed portal parameter $1", 1),  # the database's encoding cannot hold the value
        ("JSON data, line 1: {\"a\": $9\nunnamed portal parameter $1 = '...'", 1),  # what stands above is the value
        ("unnamed portal parameter $1 = 'some value'", 1),  # log_parameter_max_length_on_error is set
        ("unnamed portal parameter $3 = '...'", 0),  # not one of ours
        (None, 0),
        ("", 0),
        # the running statement lists them all: nobody is accused
        ("unnamed portal with parameters: $1 = 'x'", 0),
        ("portail non nommé avec les paramètres : « $1 = 'x' »", 0),
        ("JSON data, line 1: $1", 0),
        ("JSON data, line 1: {\"a\": 1 = '...'", 0),
        # functions and their lines
        ('SQL function "f" statement 1', 0),
        ("PL/pgSQL function f(integer) line 1 at RETURN", 0),
        ('SQL function "f$1" during inlining', 0),
        ("COPY t, line 1, column a", 0),
    ],
)
def test_only_a_parameter_that_was_being_read_is_named(context: str | None, number: int) -> None:
    assert rejected_parameter(context, 2) == number
