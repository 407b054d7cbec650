"""What was left out is counted by its reason, wherever that was decided."""

import json
from pathlib import Path

from encdec.report.checks import read_kind


def test_rows_left_out_at_ingest_and_in_preparation_are_counted_together(tmp_path: Path) -> None:
    (tmp_path / "validation.json").write_text(json.dumps({"source": "folder", "rows": 5, "checks": []}))
    (tmp_path / "rejected.csv").write_text(
        "sample,split,reason,detail\n"
        'a.png,,unreadable image,"cut off, after 12 bytes"\n'
        "b.png,,empty file,0 bytes\n"
        "c.png,,empty file,0 bytes\n"
        "d.png,val,undeclared class,label cow\n"
    )
    found = read_kind("images", validation=tmp_path, prepared=tmp_path)
    assert found.rejected == (("empty file", 2), ("undeclared class", 1), ("unreadable image", 1))
    assert found.num_rejected == 4
