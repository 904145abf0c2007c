"""Search by text, by image and among the images, on birds through the built-in CLIP; no Ray."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.embedding_store import embedding_schema, feature_column
from actors.images.decode import input_pixels
from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.cli import WRONG_USAGE, execute
from ray_jobs.config import SearchConfig
from ray_jobs.verbs.search import search
from tests.helpers.stores import make_store, manifest_of, store_table, unit


@pytest.fixture(scope="module")
def store(birds: Path, bird_paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The drawn birds embedded; the first one twice, as ``zz-again.png``."""
    model = resolve_clip("fieldguide")
    encoder = ClipEncoder(model, device="cpu")
    files = [birds / "images" / path for path in bird_paths]
    pixels = np.stack([input_pixels(file.read_bytes(), model.preprocessing) for file in files])
    features = encoder.encode_pixels(pixels).astype(np.float16)
    paths = [*bird_paths, "zz-again.png"]
    table = pa.table(
        {
            "image_id": [image_id(path) for path in paths],
            "path": paths,
            "uri": [str(file) for file in [*files, files[0]]],
            "digest": pa.nulls(len(paths), pa.binary(16)),
            "feature": feature_column(features[[*range(len(files)), 0]], np.ones(49, np.bool_)),
            "error": pa.nulls(len(paths), pa.string()),
            "error_detail": pa.nulls(len(paths), pa.string()),
        },
        schema=embedding_schema(model.embed_dim, "float16"),
    )
    folder = tmp_path_factory.mktemp("embedded") / "birds"
    make_store(folder, table.slice(0, 20), table.slice(20))
    (folder / "manifest").mkdir()
    pq.write_table(manifest_of(table), folder / "manifest" / "part-00000.parquet")
    return str(folder)


def found(*words: str) -> dict[str, object]:
    out = io.StringIO()
    assert execute(["search", *words, "--json"], out) == 0
    return dict(json.loads(out.getvalue()))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert execute(["search", *words], io.StringIO()) == WRONG_USAGE
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    return said


@pytest.mark.slow
def test_a_name_finds_birds_of_that_name(store: str, birds: Path) -> None:
    truth = dict(line.split(",", 1) for line in (birds / "truth.csv").read_text().splitlines()[1:])
    names = sorted(set(truth.values()))
    hits = 0
    for name in names:
        results = found(store, f"a photo of a {name}.", "--top", "3")["results"]
        assert isinstance(results, list)
        assert len(results) == 3
        values = [row["similarity"] for row in results]
        assert values == sorted(values, reverse=True)
        hits += any(truth.get(row["path"]) == name for row in results)
    assert hits > len(names) / 2


def test_an_image_finds_itself_first_and_the_page_shows_it(
    store: str, birds: Path, bird_paths: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    like = str(birds / "images" / bird_paths[5])
    result = found(store, "--like", like, "--html", str(page))
    results = result["results"]
    assert isinstance(results, list)
    assert results[0]["path"] == bird_paths[5]
    assert results[0]["similarity"] == pytest.approx(1, abs=1e-3)
    assert (len(results), result["images"]) == (10, 49)
    text = page.read_text()
    assert text.count("data:image/jpeg") == 10
    assert all(row["path"] in text for row in results)
    assert not re.search(r"<script|https?://(?!www\.w3)", text)


def test_a_text_is_escaped_in_the_page(store: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found(store, "<b>bird</b> & co", "--html", str(page), "--top", "1")
    text = page.read_text()
    assert "<b>bird</b>" not in text
    assert "&lt;b&gt;bird&lt;/b&gt; &amp; co" in text


def test_duplicates_and_outliers_are_columns_that_are_kept(
    store: str, bird_paths: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    strict = ("--duplicate-similarity", "0.9999", "--html", str(page))
    result = found(store, "--duplicates", *strict)
    assert isinstance(result["results"], list)
    pairs = {(row["path"], row["duplicate_of_path"]) for row in result["results"]}
    assert ("zz-again.png", bird_paths[0]) in pairs
    assert result["duplicates"] == len(pairs)
    assert page.read_text().count("data:image/jpeg") == 2 * len(pairs)
    file = Path(store) / "neighbours" / "part-00000.parquet"
    table = pq.read_table(file)
    assert table.column("path").to_pylist() == sorted([*bird_paths, "zz-again.png"])
    assert table.column("nearest_id").null_count == 0
    rows = {row["path"]: row for row in table.to_pylist()}
    assert rows["zz-again.png"]["nearest_id"] == image_id(bird_paths[0])
    before = file.read_bytes()
    far = found(store, "--outliers", "--top", "3", "--duplicate-similarity", "0.9999")["results"]
    assert file.read_bytes() == before
    assert isinstance(far, list)
    scores = sorted((row["outlier_score"] for row in rows.values()), reverse=True)
    assert [row["outlier_score"] for row in far] == pytest.approx(scores[:3], abs=1e-5)


def test_a_person_reads_lines(store: str) -> None:
    out = io.StringIO()
    assert execute(["search", store, "a bird", "--top", "2"], out) == 0
    first, *lines = out.getvalue().splitlines()
    assert first == "a bird: of 49 images"
    assert len(lines) == 2
    assert all(re.match(r"-?\d\.\d{4}  \S", line) for line in lines)


def test_what_cannot_be_searched_is_said_in_a_sentence(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> str:
        return refused(capsys, *words)

    assert "nothing to look for is given" in said(store)
    assert "give one of a text, --like" in said(store, "  ")
    with pytest.raises(InputError, match="the text is empty"):
        search(SearchConfig(words=[store, " "]))
    assert "a text and --like are given" in said(store, "bird", "--like", "x.jpg")
    assert "put a text of several words in quotes" in said(store, "a", "bird")
    assert "no such folder" in said(str(tmp_path / "none"), "bird")
    assert "is no embedding folder" in said(str(tmp_path), "bird")
    assert "nothing at" in said(store, "--like", str(tmp_path / "none.jpg"))
    (tmp_path / "text.jpg").write_text("not a picture")
    assert "not_an_image" in said(store, "--like", str(tmp_path / "text.jpg"))
    assert "its folder is not there" in said(store, "x", "--html", str(tmp_path / "no" / "p.html"))
    assert "is a folder; give a file" in said(store, "x", "--html", str(tmp_path))
    clip = {**resolve_clip("fieldguide").record(), "fingerprint": "clip:0"}
    other = make_store(tmp_path / "other", store_table(unit(3, 128)), clip=clip)
    assert "is another; give the same model by --clip" in said(other, "bird")
    half = tmp_path / "half"
    half.mkdir()
    (half / "run.json").write_text('{"method": "embed"}')
    assert "is half-written" in said(str(half), "bird")
