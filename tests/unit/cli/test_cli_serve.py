from pathlib import Path

import pytest

from encdec.cli.main import main


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--workers", "0", "--workers 0: must be at least 1"),
        ("--threads", "0", "--threads 0: must be at least 1"),
        ("--max-megabytes", "-1", "--max-megabytes -1: must be at least 1"),
        ("--port", "70000", "port 70000: must be from 1 to 65535"),
        ("--host", "192.0.2.1", "port 5001 on 192.0.2.1: Cannot assign requested address"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_sentence(
    tmp_path: Path, option: str, value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.json").write_text("{}")
    with pytest.raises(SystemExit) as ended:
        main(["serve", str(tmp_path), option, value])
    said = f"{capsys.readouterr().err}{ended.value.code}"
    assert words in said
    assert "Traceback" not in said
