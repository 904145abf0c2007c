"""The claim on a run folder: one job at a time, on a disk and in S3, and when it is taken over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from actors import storage
from actors.storage.exchange import exchange
from methods.errors import InputError
from ray_jobs.config import EmbedConfig
from ray_jobs.runs import claim as claims
from ray_jobs.runs.claim import Claim, ClaimLost, claimed
from ray_jobs.runs.folder import CLAIM, FINISHED, FORMAT, open_run
from ray_jobs.runs.holder import EXPIRES_S, Holder
from ray_jobs.verbs.embed import embed

IDENTITY = {"method": "slac"}


@pytest.fixture(params=["disk", "s3"])
def out(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run folder that is not there yet."""
    monkeypatch.setattr(claims, "_SETTLE_S", 0.05)
    if request.param == "disk":
        return str(tmp_path / "runs" / "f?x [1] #%41 ü*")
    return f"{request.getfixturevalue('s3_bucket')}/{tmp_path.name}/f?x [1] #%41 ü*"


def write(out: str, holder: Holder) -> None:
    storage.write_bytes(storage.join(out, CLAIM), holder.written())


def elsewhere(heard: float) -> Holder:
    """A claim of another machine."""
    return replace(Holder.here(), host="far", machine="another", since=0.0, heard=heard)


def test_a_second_job_is_refused_in_a_sentence(out: str) -> None:
    with claimed(out):
        run = open_run(out, IDENTITY, {})
        with pytest.raises(InputError) as told, claimed(out):
            pass
    sentence = str(told.value)
    assert f"--out {out}: another job writes there, process {os.getpid()} on " in sentence
    assert time.strftime("since %Y-%m-%d", time.gmtime()) in sentence
    assert "give another --out" in sentence
    assert "\n" not in sentence
    assert not storage.exists(storage.join(out, CLAIM)), "nothing is left behind"
    with claimed(out):
        assert open_run(run.uri, IDENTITY, {}).record["identity"] == IDENTITY


def test_of_many_at_once_one_gets_it(out: str) -> None:
    there = threading.Barrier(6)

    def attempt(_: int) -> Claim | None:
        there.wait()
        try:
            return Claim(storage.absolute(out), out)
        except InputError:
            return None

    with ThreadPoolExecutor(6) as pool:
        won = [claim for claim in pool.map(attempt, range(6)) if claim is not None]
    assert len(won) == 1
    won[0].release()


def test_of_many_at_once_one_takes_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out, there = str(tmp_path), threading.Barrier(6)
    write(out, elsewhere(heard=0.0))

    def attempt(_: int) -> Claim | None:
        there.wait()
        try:
            return Claim(out, out)
        except InputError:
            return None

    with ThreadPoolExecutor(6) as pool:
        won = [claim for claim in pool.map(attempt, range(6)) if claim is not None]
    assert len(won) == 1
    won[0].release()
    assert caplog.text.count("this job takes over") == 1


def test_a_claim_of_another_machine_expires(out: str, caplog: pytest.LogCaptureFixture) -> None:
    write(out, elsewhere(time.time() - EXPIRES_S + 30))
    with pytest.raises(InputError, match=r"on far, since 1970-01-01 00:00:00 UTC"), claimed(out):
        pass
    write(out, elsewhere(time.time() - EXPIRES_S - 30))
    with claimed(out):
        assert "nothing was heard of it for 6 minutes: this job takes over" in caplog.text
    assert not storage.exists(storage.join(out, CLAIM))


@pytest.mark.slow
def test_a_process_of_this_machine_that_has_ended_is_taken_over_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "import os, sys; from ray_jobs.runs.claim import Claim; "
        "Claim(sys.argv[1], 'x'); os._exit(9)"  # as if it had been killed
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[3])
    left = Holder.parse((tmp_path / CLAIM).read_bytes())
    assert left is not None
    with claimed(str(tmp_path)):
        assert f"process {left.pid} on {left.host}" in caplog.text
        assert "that process has ended: this job takes over" in caplog.text


def test_a_pid_that_another_process_has_now_is_not_the_same() -> None:
    mine = Holder.here()
    assert mine.gone() is None
    assert replace(mine, heard=0.0).gone() is None, "it lives, however long it was suspended"
    assert replace(mine, born=mine.born - 1).gone() == "that process has ended"
    assert replace(mine, machine="other", born=0, heard=time.time()).gone() is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"host": 1}', b"\xff\xfe", b"null"])
def test_a_claim_that_was_cut_holds_nothing(tmp_path: Path, text: bytes) -> None:
    (tmp_path / CLAIM).write_bytes(text)
    with claimed(str(tmp_path)):
        assert Holder.parse((tmp_path / CLAIM).read_bytes()) is not None


def test_a_claim_is_renewed_while_it_is_held(out: str) -> None:
    held = Claim(storage.absolute(out), out, renew=0.05)
    file = storage.join(out, CLAIM)
    try:
        first, deadline = Holder.parse(storage.read_bytes(file)), time.time() + 30
        assert first is not None
        while time.time() < deadline:
            now = Holder.parse(storage.read_bytes(file))
            if now is not None and now.heard > first.heard:
                break
        assert now is not None
        assert replace(now, heard=first.heard) == first
        assert now.heard > first.heard
    finally:
        held.release()
    assert not storage.exists(file)


@pytest.mark.parametrize("interrupts", [signal.default_int_handler, signal.SIG_IGN])
def test_a_job_that_was_taken_over_stops_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupts: signal._HANDLER
) -> None:
    """Also in the background of a script, where SIGINT is ignored."""
    monkeypatch.setattr(Claim.__init__, "__defaults__", (0.05,))
    before = signal.signal(signal.SIGINT, interrupts), signal.getsignal(signal.SIGUSR2)
    other = elsewhere(time.time())

    def work() -> None:
        with claimed(str(tmp_path)):
            write(str(tmp_path), other)
            time.sleep(30)

    try:
        with pytest.raises(ClaimLost, match=rf"was taken over by process {other.pid} on far"):
            work()
    finally:
        signal.signal(signal.SIGINT, before[0])
    assert signal.getsignal(signal.SIGUSR2) == before[1]
    left = Holder.parse((tmp_path / CLAIM).read_bytes())
    assert left == other, "the other one's claim stays"


def test_a_finished_run_is_read_without_a_claim(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"state": FINISHED, "format": FORMAT}))
    write(str(tmp_path), elsewhere(time.time()))
    with claimed(str(tmp_path)):
        pass
    with pytest.raises(InputError, match="on far"), claimed(str(tmp_path), finished=True):
        pass


def test_a_folder_that_is_no_runs_gets_no_claim(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="holds other things"), claimed(str(tmp_path)):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_folder_whose_name_is_no_utf8_is_refused_in_a_sentence(tmp_path: Path) -> None:
    out = os.path.join(str(tmp_path), os.fsdecode(b"caf\xe9"))
    with pytest.raises(InputError, match="no UTF-8") as told, claimed(out):
        pass
    assert str(told.value).encode()  # it can be printed
    assert not os.path.exists(out)


@pytest.mark.parametrize("mark", ["\n", "\r", "\t"])
def test_a_line_in_a_folders_name_is_refused_in_a_sentence(tmp_path: Path, mark: str) -> None:
    with pytest.raises(InputError, match="a line's end or a tab") as told:
        claimed(str(tmp_path / f"a{mark}b")).__enter__()
    assert "\n" not in str(told.value)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"), claimed(str(tmp_path / "file/run")):
        pass


def test_what_a_change_refuses_leaves_the_file_alone(out: str) -> None:
    def refuse(_: bytes | None) -> bytes:
        raise ZeroDivisionError

    file = storage.join(out, "counted")
    with pytest.raises(ZeroDivisionError):
        exchange(file, refuse)
    assert not storage.exists(file)

    def count(old: bytes | None) -> bytes:
        return str(int(old or b"0") + 1).encode()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: exchange(file, count), range(3)))
    assert storage.read_bytes(file) == b"3"
    with pytest.raises(ZeroDivisionError):
        exchange(file, refuse)
    assert storage.read_bytes(file) == b"3"
    exchange(file, lambda _: None)
    assert not storage.exists(file)


def test_what_is_written_can_be_read() -> None:
    mine = Holder.here()
    assert Holder.parse(mine.written()) == mine
    assert set(asdict(mine)) >= {"host", "pid", "since", "heard"}


def test_two_that_embed_into_one_folder(tmp_path: Path) -> None:
    out = str(tmp_path / "store")
    with claimed(out), pytest.raises(InputError, match="another job writes there"):
        embed(EmbedConfig(images=str(tmp_path), out=out, clip="fieldguide"))
