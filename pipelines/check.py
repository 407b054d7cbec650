"""Stage `check`: params.yaml -> a constant file, or every mistake at once."""

import argparse
import sys
from pathlib import Path

from encdec.outs import write_text
from encdec.params.loading import load_params
from encdec.params.problems import ParamsError
from encdec.tracking.versions import differences


def main(lock: Path, out: Path) -> None:
    load_params(Path("params.yaml"))
    different = differences(lock)
    if different:
        print(f"note: {len(different)} packages differ from {lock}; other versions may give other numbers:")
        print("\n".join(f"  {line}" for line in different))
    write_text(out, "params.yaml is valid\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", type=Path, required=True, help="the file of exact versions")
    parser.add_argument("--out", type=Path, required=True, help="the file to write when all is well")
    arguments = parser.parse_args()
    try:
        main(arguments.lock, arguments.out)
    except ParamsError as error:
        sys.exit(str(error))
