"""Text files that a setting names: read whole, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from methods.errors import InputError
from ray_jobs.runs.text_files import read_text


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_bytes("\ufeffowl\ngull é\n".encode())
    assert read_text("--classes", str(file)) == "owl\ngull é\n"


def test_what_cannot_be_read_is_told_with_its_flag(tmp_path: Path) -> None:
    absent, latin = str(tmp_path / "none.txt"), tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    with pytest.raises(InputError) as caught:
        read_text("--names", absent, hint="a fit writes one")
    assert str(caught.value) == f"--names {absent}: no such file; a fit writes one"
    with pytest.raises(InputError, match=r"--classes .*none.txt: no such file$"):
        read_text("--classes", absent)
    for path in (str(latin), str(tmp_path)):
        with pytest.raises(InputError, match="not a readable UTF-8 text file"):
            read_text("--classes", path)
