"""The crontab of docs/scheduling.md: taken from the page, and what cron gives to each of its lines."""

import os
import pwd
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rights import apart, refuse
from small_project import Project
from started import Ended

CLONE, SCANS = "/srv/encdec", "/srv/scans"
CRON_PATH = "/usr/bin:/bin"
SBIN = Path("/usr/sbin")
PATIENCE_SECONDS = 300


def block(page: Path, language: str) -> str:
    """The only block of that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


class Line(NamedTuple):
    """`times`: the five fields."""

    times: str
    command: str


class Crontab(NamedTuple):
    settings: Mapping[str, str]
    lines: tuple[Line, ...]

    def text(self, *, times: str) -> str:
        named = [f"{name}={value}" for name, value in self.settings.items()]
        return "\n".join([*named, *(f"{times} {line.command}" for line in self.lines), ""])


def read_crontab(page: Path, *, clone: Path, scans: Path) -> Crontab:
    """As the page has it, but for the two folders."""
    settings: dict[str, str] = {}
    lines: list[Line] = []
    for line in block(page, "crontab").replace(CLONE, str(clone)).replace(SCANS, str(scans)).splitlines():
        name, equals, value = line.partition("=")
        if equals and name.isidentifier():
            settings[name] = value
        else:
            *times, command = line.split(maxsplit=5)
            assert len(times) == 5, line
            lines.append(Line(" ".join(times), command))
    return Crontab(settings, tuple(lines))


def account() -> str:
    """Of the user who runs the tests: cron runs the lines as this one, also where sudo had to start it."""
    return pwd.getpwuid(os.getuid()).pw_name


def bare_environment(crontab: Crontab, home: Path) -> dict[str, str]:
    """All that a line of a user's crontab gets (crontab(5)), and nothing of the tests' own environment."""
    given = {"HOME": str(home), "LOGNAME": account(), "SHELL": "/bin/sh", "PATH": CRON_PATH}
    return {**given, **crontab.settings}


def run_line(crontab: Crontab, line: Line, home: Path) -> subprocess.CompletedProcess[str]:
    """By a shell, in place of cron; it tells nothing of cron's own reading of the file."""
    return subprocess.run(
        ["/bin/sh", "-c", line.command],
        cwd=home,
        env=bare_environment(crontab, home),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def cron_program() -> Path:
    """Debian's daemon. Without it the crontab was not tested: in CI that is a failure, elsewhere it is said."""
    program, table = shutil.which("cron", path=str(SBIN)), shutil.which("crontab")
    if program is None or table is None:
        refuse("NO CRON, SO A SHELL ALONE HAS RUN THE CRONTAB: install it (Debian: apt install cron)")
    return Path(str(program))


def run_by_cron(project: Project, crontab: Crontab, folder: Path, *, until: str) -> Ended:
    """A daemon of the test's own, with mounts in place of all crontabs of this machine, until a command succeeds.

    The crontab is that of the user who runs the tests, as `crontab FILE` takes it. Mails go to the file `mail`. Nothing
    of it outlives the test, also where that is killed: a space for processes ends with its first one.
    """
    programs, table, mail = folder / "sbin", folder / "crontab", folder / "mail"
    programs.mkdir()
    shutil.copy2(cron_program(), programs / "cron")
    sendmail = programs / "sendmail"
    sendmail.write_text(f"#!/bin/sh\ncat >>{shlex.quote(str(mail))}\n")
    sendmail.chmod(0o755)
    table.write_text(crontab.text(times="* * * * *"))
    script = f"""{{ set -e
mount -t tmpfs -o mode=1730,gid=crontab none /var/spool/cron/crontabs
mount -t tmpfs none /etc/cron.d
mount -t tmpfs none /run
mount --bind /dev/null /etc/crontab
mount --bind {shlex.quote(str(programs))} {SBIN}
crontab -u {account()} {shlex.quote(str(table))}
cron -f &
set +e
for second in $(seq {PATIENCE_SECONDS}); do if {until}; then exit 0; fi; sleep 1; done
exit 1; }}"""
    spaces = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    return apart(project, script, spaces=spaces, env={"PATH": f"{os.environ['PATH']}:{SBIN}"})
