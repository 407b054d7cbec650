"""A transfer over a real server on localhost that goes wrong as a test writes it down; time is never faked.

`Accept-Encoding`, ranges and versions are judged by what the server was asked.
"""

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic

import pytest

from encdec.sources import transfer
from encdec.sources.partial import Part, without_password
from encdec.sources.stream import BrokenError, RefusedError, Stream
from encdec.sources.transfer import Deadline, Limits

BODY = b"".join(sha256(bytes([index % 256, index // 256])).digest() for index in range(20_000))  # 640,000 bytes
CHANGED = BODY[::-1]
HALF = len(BODY) // 2
MAX_BYTES = 2 * len(BODY)
QUICK = Limits(total_s=20.0, stall_s=5.0, first_wait_s=0.01, longest_wait_s=0.3, tries=4)


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    def change(**changed):
        monkeypatch.setattr(transfer, "LIMITS", QUICK._replace(**changed))

    change()
    monkeypatch.setattr(transfer, "ENOUGH_BYTES", MAX_BYTES)  # every try that breaks off counts
    return change


@pytest.fixture
def served(server):
    server.files["/file"], server.changed = BODY, CHANGED
    return server


@pytest.fixture
def part(tmp_path) -> Part:
    return Part(tmp_path / "file.part")


def bring(server, part):
    url = f"{server.address}/file"
    transfer.transfer(url, part, label="src/file", max_bytes=MAX_BYTES, deadline=Deadline(transfer.LIMITS))


def refused(server, part) -> str:
    with pytest.raises(RefusedError) as caught:
        bring(server, part)
    return str(caught.value)


def rest(start: int) -> str:
    return f"bytes={start}-"


@pytest.mark.parametrize(
    ("script", "ranges"),
    [
        (["half"], [None, rest(HALF)]),
        (["half", "half"], [None, rest(HALF), rest(HALF + HALF // 2)]),
        (["reset"], None),  # how much had come is the network's affair
        (["half chunked"], None),
        (["half dated", "dated"], [None, rest(HALF)]),
        (["half weak"], [None, None]),  # a weak ETag says nothing about bytes
        (["half nameless"], [None, None]),  # nothing says that it is still the same file
        (["half", "ignore"], [None, rest(HALF)]),  # the whole file came instead of the rest
        (["half", "few"], [None, rest(HALF), rest(HALF + 1000)]),  # a server need not send all that is asked for
        (["half", "wrong"], [None, rest(HALF), None]),
        (["503"], [None, None]),
        (["429", "500", "502"], [None, None, None, None]),
        (["half", "503", "half"], [None, rest(HALF), rest(HALF), rest(HALF + HALF // 2)]),
        (["chunked"], [None]),
        (["encoded"], [None]),
        (["unannounced"], [None]),
        (["to /file"], [None, None]),
        (["half", "to /file"], [None, rest(HALF), rest(HALF)]),
    ],
    ids=lambda value: " then ".join(value) if value and value[0] else "",
)
def test_passing_trouble_is_overcome(served, part, script, ranges):
    served.script.extend(script)
    bring(served, part)
    assert part.path.read_bytes() == BODY
    assert ranges is None or served.ranges == ranges
    assert {*served.encodings} == {"identity"}  # what a server packs on the way has other bytes, and no ranges


@pytest.mark.parametrize(
    ("script", "changed", "ranges"),
    [
        (["half change"], CHANGED, [None, rest(HALF)]),  # If-Range: the new version comes whole
        (["half change dated", "ignore dated"], CHANGED, [None, rest(HALF)]),
        (["half change", "blind"], CHANGED, [None, rest(HALF), None]),  # a rest, but of another version
        (["half change", "blind nameless"], CHANGED + b"longer", [None, rest(HALF), None]),  # ... of another length
    ],
    ids=["the whole is sent", "known by its date", "the rest is sent", "and no version named"],
)
def test_a_file_that_changes_between_two_requests_is_never_spliced(served, part, script, changed, ranges):
    served.changed = changed
    served.script.extend(script)
    bring(served, part)
    assert part.path.read_bytes() == changed
    assert served.ranges == ranges


def test_a_part_of_another_address_is_not_continued(served, part):
    served.script.append("half")
    served.script.append("404")
    refused(served, part)
    assert part.length == HALF
    served.files["/elsewhere"] = BODY
    url = f"{served.address}/elsewhere"
    transfer.transfer(url, part, label="", max_bytes=len(BODY), deadline=Deadline(QUICK))
    assert part.path.read_bytes() == BODY
    assert served.ranges == [None, rest(HALF), None]


@pytest.mark.parametrize("origin", [None, b"", b"[1", b"{}", b"[1, 2]", b"\xff"])
def test_bytes_whose_origin_is_not_known_are_dropped(served, part, origin):
    part.path.write_bytes(BODY[:1000])
    if origin is not None:
        part.origin_path.write_bytes(origin)
    bring(served, part)
    assert part.path.read_bytes() == BODY
    assert served.ranges == [None]


def test_a_part_that_is_whole_needs_no_request(served, part):
    bring(served, part)
    bring(served, part)
    assert served.ranges == [None]


def test_a_part_that_is_too_long_is_dropped(served, part):
    bring(served, part)
    with part.path.open("ab") as file:
        file.write(b"more")
    bring(served, part)
    assert part.path.read_bytes() == BODY
    assert served.ranges == [None, rest(len(BODY) + 4), None]  # answered 416


def test_the_waits_double_and_are_never_twice_the_same(served, part, limits):
    limits(first_wait_s=0.1, longest_wait_s=9.0)
    served.script.extend(["503"] * 3)
    bring(served, part)
    waits = [after - before for before, after in zip(served.times, served.times[1:], strict=False)]
    # 0.1, 0.2 and 0.4, each a quarter more or less, and what the requests take on a busy machine
    for wait, expected in zip(waits, (0.1, 0.2, 0.4), strict=True):
        assert 0.75 * expected <= wait <= 1.25 * expected + 2.0
    drawn = [transfer.wait_before(3, retry_after_s=0.0) for _ in range(1000)]
    assert 0.3 <= min(drawn) < 0.32
    assert 0.48 < max(drawn) <= 0.5
    assert len(set(drawn)) > 900


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("1", 1.0, 3.0),
        ("in 2 s as a date", 1.0, 4.0),  # a date has whole seconds
        ("99999", 2.0, 4.0),  # no longer than the longest wait
        ("a date of 1990", 0.0, 1.9),
        ("soon", 0.0, 1.9),
        ("-7", 0.0, 1.9),
    ],
)
def test_a_server_that_asks_to_wait_is_obeyed_within_limits(served, part, limits, asked, least, most):
    limits(longest_wait_s=2.0)
    dates = {"in 2 s as a date": timedelta(seconds=2), "a date of 1990": timedelta(days=-13_000)}
    told = format_datetime(datetime.now(UTC) + dates[asked], usegmt=True) if asked in dates else asked
    served.script.append(f"429 {told}")
    bring(served, part)
    assert least <= served.times[1] - served.times[0] <= most


def test_trouble_that_does_not_pass_is_reported_after_some_tries(served, part, capfd):
    served.script.extend(["503"] * 9)
    assert refused(served, part) == "answered 503 Service Unavailable (after 4 tries)"
    assert len(served.ranges) == 4
    notes = capfd.readouterr().err.splitlines()
    assert len(notes) == 3
    assert re.fullmatch(r"src/file: answered 503 Service Unavailable; next try in \d\.\d s", notes[0])


def test_tries_that_bring_much_are_no_failures(served, part, monkeypatch):
    monkeypatch.setattr(transfer, "ENOUGH_BYTES", 5000)
    served.script.extend(["half"] * 7)  # the last one brings 640000 / 2**7 = 5000 bytes
    bring(served, part)
    assert part.path.read_bytes() == BODY
    assert len(served.ranges) == 8


@pytest.mark.parametrize("code", ["401", "403", "404", "410", "451", "204", "304"])
def test_a_server_that_refuses_is_believed_at_once(served, part, code):
    served.script.append(code)
    assert refused(served, part).startswith(f"answered {code} ")
    assert len(served.ranges) == 1


def test_no_server_at_all_is_reported(server, part):
    server.http.server_close()
    told = "Failed to establish a new connection: [Errno 111] Connection refused (after 4 tries)"
    assert refused(server, part) == told


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://", "No host supplied"),
        ("http://[::1/file", "'[::1' is not a valid host or port"),
        ("file:///etc/hostname", "No connection adapters were found for 'file:///etc/hostname'"),
        ("http://127.0.0.1:99999/", "Failed to parse"),
        ("http://me:secret@127.0.0.1:99999/", "http://127.0.0.1:99999/"),
    ],
)
def test_an_address_that_is_none_is_refused_at_once(part, url, message):
    with pytest.raises(RefusedError, match=re.escape(message)):
        transfer.transfer(url, part, label="", max_bytes=9, deadline=Deadline(QUICK))


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/file", "gopher:"])
def test_a_redirect_to_something_other_than_http_is_refused(served, part, target):
    served.script.append(f"to {target}")
    assert refused(served, part) == f"answered 302 Found and leads to {target}, which is no HTTP address"
    assert part.length == 0


def test_a_circle_of_redirects_ends(served, part):
    served.script.extend(["to /file"] * 9)
    assert refused(served, part) == "leads on to another address more than 5 times"
    assert len(served.ranges) == 6


@pytest.mark.parametrize(
    ("behaviour", "came"), [("silent", 0), ("stall", HALF)], ids=["no answer", "nothing more after the half"]
)
def test_a_server_that_stalls_is_left(served, part, limits, behaviour, came):
    limits(stall_s=0.3, tries=1)
    served.script.extend([behaviour])
    start = monotonic()
    kept = "; 320.0 kB of it are kept, and the next download goes on from there" if came else ""
    assert refused(served, part) == f"nothing came for 0.3 s (after 1 tries){kept}"
    assert 0.3 <= monotonic() - start < 4.0
    assert part.length == came
    served.released.set()
    bring(served, part)
    assert part.path.read_bytes() == BODY
    assert served.ranges == [None, rest(came) if came else None]


@pytest.mark.parametrize("behaviour", ["drip", "header"])
def test_a_server_that_drips_is_left_when_the_time_is_over(served, part, limits, behaviour):
    """A byte each 20 ms: never a stall, and the whole would take three hours."""
    limits(total_s=1.0)
    served.script.extend([behaviour] * 9)
    start = monotonic()
    assert refused(served, part).startswith("the time limit of 1 s is over")
    assert 1.0 <= monotonic() - start < 10.0
    assert part.length < 1000


def test_a_server_that_sends_and_sends_is_left_too_when_the_time_is_over(served):
    with Stream(f"{served.address}/file", {}, stall_s=5.0) as stream:
        assert stream.answer(within_s=5.0).code == 200
        assert stream.block(within_s=5.0) != b""
        while stream.body.empty():
            pass
        with pytest.raises(BrokenError, match="no time is left"):
            stream.block(within_s=0.0)


def test_waits_count_for_the_time_limit(served, part, limits):
    limits(total_s=1.0, longest_wait_s=60.0)
    served.script.append("503 30")
    start = monotonic()
    told = "the next try, in 30.0 s, would come after the time limit of 1 s"
    assert refused(served, part) == f"answered 503 Service Unavailable; {told}"
    assert monotonic() - start < 10.0


def test_a_server_that_announces_too_much_is_refused_before_a_byte_is_taken(served, part):
    served.script.append("huge")
    assert refused(served, part) == f"announces 1000000000000000 bytes, more than the {MAX_BYTES} that it can have"
    assert not part.path.exists()


def test_a_server_that_never_ends_is_stopped_at_the_limit(served, part):
    served.script.append("endless")
    assert refused(served, part) == f"sends more than the {MAX_BYTES} bytes that it can have"
    assert not part.path.exists()


def test_a_server_s_words_cannot_write_on_the_terminal(served, part, monkeypatch):
    monkeypatch.setitem(served.http.RequestHandlerClass.responses, 404, ("\x1b[2J\x07gone\x9b" + "x" * 500, ""))
    served.script.append("404")
    told = refused(served, part)
    assert told.isprintable()
    assert told.startswith("answered 404 [2J gone")
    assert len(told) < 250


def test_a_block_is_in_the_file_before_the_next_one_comes(part):
    with part.open() as append:
        for length in (1, 2, 3):
            append(b"x")
            assert part.length == length


def test_a_part_lies_beside_its_origin(served, part, limits):
    limits(stall_s=0.5, tries=1)
    served.script.append("stall")
    refused(served, part)
    assert part.path.read_bytes() == BODY[:HALF]
    url, validator, total = json.loads(part.origin_path.read_text())
    assert url == f"{served.address}/file"
    assert validator == f'"{sha256(BODY).hexdigest()[:8]}"'
    assert total == len(BODY)


BRING = """
import sys
from pathlib import Path
from encdec.sources.partial import Part, without_password
from encdec.sources.transfer import LIMITS, Deadline, transfer
transfer(sys.argv[1], Part(Path(sys.argv[2])), label="src/file", max_bytes=10**6, deadline=Deadline(LIMITS))
"""


def run_in(server, folder: Path, **streams) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", BRING, f"{server.address}/file", folder / "new.part"]
    return subprocess.run(command, check=True, env=os.environ | {"TERM": "xterm", "COLUMNS": "120"}, **streams)


def test_a_log_gets_one_plain_line(served, tmp_path):
    told = run_in(served, tmp_path, capture_output=True)
    assert told.stdout == b""
    assert re.fullmatch(r"src/file: 640\.0 kB in \d+\.\d s, \d+\.\d [MG]B/s\n", told.stderr.decode())


def test_a_terminal_sees_bytes_of_the_total_the_rate_and_the_time_left(served, tmp_path):
    served.script.append("pause")
    master, slave = pty.openpty()
    run_in(served, tmp_path, stdout=slave, stderr=slave)
    os.close(slave)
    shown = os.read(master, 100_000).decode()
    os.close(master)
    assert "src/file" in shown
    assert " of 640.0 kB" in shown
    assert re.search(r"\d+\.\d [kM]B/s", shown)
    assert re.search(r"\d s left", shown)


def test_a_bar_does_not_stand_in_a_log_because_the_other_stream_is_a_terminal(served, tmp_path):
    master, slave = pty.openpty()
    assert run_in(served, tmp_path, stdout=subprocess.PIPE, stderr=slave).stdout == b""
    os.close(slave)
    assert re.fullmatch(r"src/file: 640\.0 kB in \d+\.\d s, \d+\.\d [MG]B/s\r\n", os.read(master, 100_000).decode())
    os.close(master)


@pytest.mark.parametrize(
    "secret",
    [
        "http://ann:s3/cret@host/x",
        "http://ann:s3 cret@host/x",
        "http://host/x?token=s3cret",
        "http://h/x?a=1&sig=s3cret",
    ],
)
def test_no_form_of_a_secret_in_an_address_is_shown(secret):
    shown = without_password(f"src/file: {secret}: refused")
    assert "cret" not in shown
    assert "ann" not in shown
    assert shown.startswith("src/file: http://h")
