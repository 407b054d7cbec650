"""One list of everything that was left out, wherever that was decided."""

import pandas as pd

from encdec.preparation.rejection import all_rejected, rejected_rows


def test_what_ingest_left_out_comes_first_and_in_no_split() -> None:
    at_ingest = pd.DataFrame({"sample": ["a.png"], "reason": ["empty file"], "detail": ["0 bytes"]}, dtype="str")
    manifest = pd.DataFrame({"sample": ["b.png", "c.png"], "split": ["train", "val"]}, dtype="str")
    reasons = pd.DataFrame({"reason": ["", "undeclared class"], "detail": ["", "label cow"]}, dtype="str")
    assert all_rejected(at_ingest, rejected_rows(manifest, reasons)).to_csv(index=False) == (
        "sample,split,reason,detail\na.png,,empty file,0 bytes\nc.png,val,undeclared class,label cow\n"
    )


def test_nothing_left_out_is_a_header_alone() -> None:
    none = pd.DataFrame({"sample": [], "reason": [], "detail": []}, dtype="str")
    manifest = pd.DataFrame({"sample": ["b.png"], "split": ["train"]}, dtype="str")
    reasons = pd.DataFrame({"reason": [""], "detail": [""]}, dtype="str")
    assert all_rejected(none, rejected_rows(manifest, reasons)).to_csv(index=False) == "sample,split,reason,detail\n"
