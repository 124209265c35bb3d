"""What the runtime logs in the process of a command, such as of a certificate: never among the data."""

import pytest
import typer
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.session import end_with
from directflow_runtime.logging import get_logger


async def streams() -> ExitCode:
    log = get_logger("directflow_runtime.tls")
    print('{"row": 1}')
    log.info("certificates renewed", certificate="/tls.crt")
    log.warning("renewed certificates cannot be used", problem="/tls.crt has expired")
    try:
        raise ValueError("secret")
    except ValueError as error:
        log.error("it failed", exc_info=error)
    return ExitCode.OK


def test_lines_go_to_stderr_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        end_with(streams)
    told = capsys.readouterr()
    assert told.out == '{"row": 1}\n'
    assert told.err.startswith(
        "warning: renewed certificates cannot be used problem=/tls.crt has expired\nerror: it failed"
    )
    assert "secret" not in told.err
