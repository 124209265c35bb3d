"""The JSON schema that editors use is what the protos say, and accepts what the reader accepts."""

import json
import subprocess
import sys
from pathlib import Path

from directflow_cli.definitions.schema import schema

from .conftest import Directflow

ROOT = Path(__file__).parents[3]


def test_the_committed_schema_and_its_comments_are_up_to_date() -> None:
    script = ROOT / "scripts" / "generate_definition_schema"
    ran = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_command_prints_what_is_committed(directflow: Directflow) -> None:
    committed = (ROOT / "examples" / "definitions" / "directflow.schema.json").read_text()
    assert directflow("schema").out == committed


def test_every_field_is_described_in_the_words_of_the_proto() -> None:
    described = schema()["definitions"]
    for name in ("Connection", "DataSource", "Condition", "Variable", "EventPredicate"):
        properties = described.get(name, {"properties": {}})["properties"]
        assert all(field.get("description") for field in properties.values()), name


def test_a_file_cannot_say_what_the_service_writes() -> None:
    for kind in ("Connection", "DataSource", "Condition"):
        properties = schema()["definitions"][kind]["properties"]
        assert not {"name", "etag", "revision", "update_time", "validation_report"} & properties.keys()


def test_enums_offer_their_short_names() -> None:
    assert schema()["definitions"]["ConnectionTls"]["properties"]["mode"]["enum"][0] == "VERIFY_FULL"
    assert json.dumps(schema()).count("UNSPECIFIED") == 0
