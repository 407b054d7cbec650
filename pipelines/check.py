"""Stage `check`: params.yaml -> a constant file, or every mistake in it at once."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

from pathlib import Path

from encdec.command import run_command
from encdec.outs import write_text
from encdec.params.loading import load_params
from encdec.tracking.versions import differences


def main(lock: Path, out: Path) -> None:
    load_params(Path("params.yaml"))
    different = differences(lock)
    if different:
        print(f"note: {len(different)} packages differ from {lock}, and other versions may give other numbers:")
        print("\n".join(f"  {line}" for line in different))
    write_text(out, "params.yaml is valid\n")


if __name__ == "__main__":
    run_command(main, __doc__, paths={"lock": "the exact versions", "out": "the file to write when all is well"})
