"""The settings in docs/identities.md are settings."""

import re
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.commands.contexts import Contexts
from directflow_conditions.config import ConditionsSettings
from directflow_conditions.surface import SURFACE as CONDITIONS
from directflow_gateway.config import GatewaySettings
from directflow_gateway.surface import surface
from directflow_runtime.identity import IdentityPolicy
from directflow_runtime.settings import load
from directflow_segments.config import SegmentsSettings
from directflow_segments.surface import SURFACE as SEGMENTS

TEXT = (Path(__file__).parents[2] / "docs" / "identities.md").read_text()
BLOCKS = re.findall(r"```toml\n(# (\S+?)[; \n].*?)```", TEXT, re.DOTALL)
READERS: dict[str, Any] = {
    "gateway.toml": [(GatewaySettings, surface)],
    "segments.toml": [(SegmentsSettings, SEGMENTS), (ConditionsSettings, CONDITIONS)],
    "~/.config/directflow/config.toml": [(Contexts, None)],
}


@pytest.mark.parametrize(("text", "name"), BLOCKS)
def test_what_the_document_shows_can_be_used(text: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    for model, table in READERS[name]:
        settings = load(model, file, "X__", {})
        if table is not None:
            IdentityPolicy(settings.identity, table(settings.definitions) if callable(table) else table)


def test_every_kind_of_file_is_shown() -> None:
    assert {name for _, name in BLOCKS} == set(READERS)
