"""`onoma review` without a page: what is drawn, who is asked what, what is imported and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.config import ReviewConfig
from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reviewed import ReviewedLine, append_lines, read_lines
from ray_jobs.verbs.review import run
from ray_jobs.verbs.review.sample import draw_sample
from ray_jobs.verbs.review.session import ReviewSession
from tests.helpers.evaluated_runs import many, one, write_run
from tests.helpers.scored_runs import scored_run


def session_of(folder: str, who: str = "Ann", seed: int = 0, overlap: float = 0.0) -> ReviewSession:
    file = str(Path(folder) / "reviewed.csv")
    return ReviewSession(draw_sample(RunReader(folder), seed), file, who, overlap)


def status(folder: str, **settings: Any) -> dict[str, Any]:
    return run(ReviewConfig(run=folder, status=True, **settings))


def judge(session: ReviewSession, truth: dict[str, str], count: int) -> None:
    for _ in range(count):
        image = session.next_images(1)[0]
        session.answer(image.image_id, "label", truth[image.path])


def test_the_sample_is_every_label_once_and_no_error(tmp_path: Path) -> None:
    folder, truth = scored_run(tmp_path / "run")
    sample = draw_sample(RunReader(folder), 0)
    drawn = [image.path for own in sample.order for image in own]
    assert sorted(drawn) == sorted(truth)
    assert sample.errors == {"truncated": 7}
    assert sample.images == 400
    assert [len(own) for own in sample.order] == sample.strata.sizes.tolist()
    first = sample.order[0][0]
    assert first.choices[0] == (first.predicted, first.score)


def test_the_order_is_the_seed_s_and_not_the_table_s(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run")
    orders = [
        [image.path for own in draw_sample(RunReader(folder), seed).order for image in own]
        for seed in (3, 3, 4)
    ]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_a_review_to_the_end_is_the_truth(tmp_path: Path) -> None:
    folder, truth = scored_run(tmp_path / "run", images=60)
    session = session_of(folder)
    judge(session, truth, 60)
    assert session.next_images() == []
    found = status(folder)
    labels = {image.path: image.predicted for image in session.sample.by_id.values()}
    accuracy = sum(labels[path] == truth[path] for path in truth) / 60
    assert found["accuracy"] == found["low"] == found["high"] == pytest.approx(accuracy)
    assert found["answers"] == 60
    assert found["more_answers"] == 0
    for each in found["per_class"]:
        own = [path for path in truth if labels[path] == each["label"]]
        assert each["images"] == each["answers"] == len(own)
        right = sum(truth[path] == each["label"] for path in own)
        assert each["accuracy"] == pytest.approx(right / len(own))
    wrong = sum(each["images"] for each in found["corrections"])
    assert wrong == round(60 * (1 - accuracy))


def test_a_review_goes_on_where_it_was_and_takes_back(tmp_path: Path) -> None:
    folder, truth = scored_run(tmp_path / "run")
    judge(session_of(folder), truth, 5)
    again = session_of(folder)
    assert again.figures()["answers"] == 5
    image = again.next_images(1)[0]
    again.answer(image.image_id, "skip")
    assert again.next_images(1)[0] != image
    assert again.figures()["skipped"] == 1
    assert again.undo() == image
    assert again.next_images(1)[0] == image
    again.answer(image.image_id, "none")
    found = again.figures()
    assert (found["answers"], found["no_class_fits"]) == (6, 1)
    for _ in range(6):
        assert again.undo() is not None
    assert again.undo() is None
    assert again.figures()["accuracy"] is None
    assert len(read_lines(str(tmp_path / "run" / "reviewed.csv"))) == 5 + 2 + 7


def test_two_reviewers_share_the_images_and_see_some_twice(tmp_path: Path) -> None:
    folder, truth = scored_run(tmp_path / "run")
    judge(session_of(folder), truth, 20)
    bob = session_of(folder, "Bob", overlap=0.2)
    judge(bob, truth, 20)
    found = bob.figures()
    assert found["reviewers"] == {"Ann": 20, "Bob": 20}
    assert found["reviewed_twice"] == 4
    assert found["answers"] == 36
    assert found["disagreements"] == 0


def test_reviewers_who_differ_count_by_shares_and_are_shown(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run", images=40)
    ann, bob = session_of(folder), session_of(folder, "Bob")
    image = ann.next_images(1)[0]
    other = next(name for name in ann.sample.labels if name != image.predicted)
    ann.answer(image.image_id, "label", image.predicted)
    bob.answer(image.image_id, "label", other)
    found = ann.figures()
    assert found["disagreements"] == 1
    [shown] = found["disagreed"]
    assert shown["said"] == {"Ann": image.predicted, "Bob": other}
    assert sum(each["right"] for each in found["strata"]) == 0.5
    bob.answer(image.image_id, "label", image.predicted)
    assert ann.figures()["disagreements"] == 0


def test_a_rounded_id_is_found_by_its_path_and_a_name_by_its_class(tmp_path: Path) -> None:
    identity = {"classes": ["n1", "n2"], "class_names": [["wren"], ["tern"]]}
    folder = write_run(
        tmp_path / "run", [one("a.jpg", "n1"), one("b.jpg", "n2")], identity=identity
    )
    (tmp_path / "run" / "reviewed.csv").write_text(
        "path;label;image_id\na.jpg;wren;-1,23E+18\nb.jpg;n1;1,2E+18\n"
    )
    found = status(folder)
    assert found["answers"] == 2
    assert found["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("1,wren", "belongs to another run"),
        (f"{image_id('shots/00001.jpg')},wren\n1,wren", "line 3: '1' is no image of"),
        (
            f"{image_id('shots/00001.jpg')},wrenn",
            "'wrenn' is no class of the run .did you mean wren",
        ),
    ],
)
def test_a_file_of_another_run_or_class_is_refused(tmp_path: Path, lines: str, told: str) -> None:
    folder, _ = scored_run(tmp_path / "run")
    (tmp_path / "run" / "reviewed.csv").write_text(f"image_id,label\n{lines}\n")
    with pytest.raises(InputError, match=told):
        status(folder)


def test_runs_that_cannot_be_reviewed(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "many", [many("a.jpg", ["x"], x=0.5)])
    with pytest.raises(InputError, match="several labels an image"):
        status(folder)
    folder = write_run(tmp_path / "errors", [one("a.jpg", None, "truncated")])
    with pytest.raises(InputError, match="no image with a label"):
        status(folder)
    folder, _ = scored_run(tmp_path / "run")
    with pytest.raises(InputError, match="is a folder"):
        status(folder, reviewed=str(tmp_path))
    with pytest.raises(InputError, match="give one of them"):
        status(folder, **{"import": "x"})


def test_a_run_without_scores_or_a_list_of_classes_is_reviewed(tmp_path: Path) -> None:
    rows = [one(f"{at}.jpg", "wren" if at % 2 else "tern") for at in range(30)]
    session = session_of(write_run(tmp_path / "run", rows))
    image = session.next_images(1)[0]
    assert image.score is None
    session.answer(image.image_id, "label", "a name of my own")
    assert session.figures()["corrections"][0]["label"] == "a name of my own"


def tasks(paths: list[str], labels: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "data": {"image": f"/data/{path}", "path": path, "image_id": str(image_id(path))},
            "annotations": [
                {"completed_by": {"email": "eve@x.org"}, "was_cancelled": True, "result": []},
                {
                    "completed_by": {"email": "eve@x.org"},
                    "result": [{"type": "choices", "value": {"choices": [labels[path]]}}],
                },
            ],
        }
        for path in paths
    ]


def test_label_studio_s_answers_count_where_their_images_were_drawn(tmp_path: Path) -> None:
    folder, truth = scored_run(tmp_path / "run")
    sample = draw_sample(RunReader(folder), 0)
    drawn = [own[at].path for own in sample.order for at in range(min(2, len(own)))]
    others = [own[-1].path for own in sample.order if len(own) > 3]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks([*drawn, *others], truth)))
    settings = ReviewConfig(run=folder, **{"import": str(file)})
    found = run(settings)
    assert (found["imported"], found["imported_not_drawn"]) == (len(drawn + others), len(others))
    assert (found["answers"], found["not_drawn"]) == (len(drawn), len(others))
    assert found["reviewers"] == {"eve@x.org": len(drawn + others)}
    again = run(settings)
    assert (again["imported"], again["imported_before"]) == (0, len(drawn + others))


def test_fiftyone_s_answers_are_read_in_both_its_formats(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run", images=40)
    image = draw_sample(RunReader(folder), 0).order[0][0]
    samples = {
        "samples": [
            {
                "filepath": "data/x.jpg",
                "image_id": str(image.image_id),
                "predictions": {"_cls": "Classification", "label": image.predicted},
                "ground_truth": {"_cls": "Classification", "label": "tern"},
            }
        ]
    }
    short = {
        "classes": ["wren", "tern"],
        "labels": {"x": {"label": 0, "attributes": {"image_id": str(image.image_id)}}},
    }
    for content, who, label in ((samples, "Ann", "tern"), (short, "Bob", "wren")):
        file = tmp_path / f"{who}.json"
        file.write_text(json.dumps(content))
        run(ReviewConfig(run=folder, reviewer=who, **{"import": str(file)}))
        assert read_lines(f"{folder}/reviewed.csv")[-1].label == label
    assert status(folder)["disagreements"] == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no such file"),
        ("<xml>", "is no JSON"),
        ("{}", "neither Label Studio"),
        ("[]", "holds no answer"),
        (json.dumps(tasks(["x.jpg"], {"x.jpg": "wren"})), "'x.jpg' is no image of"),
        (json.dumps(tasks(["shots/00000.jpg"], {"shots/00000.jpg": "gull"})), "'gull' is no class"),
    ],
)
def test_what_cannot_be_imported_is_a_sentence_and_adds_nothing(
    tmp_path: Path, content: str | None, told: str
) -> None:
    folder, _ = scored_run(tmp_path / "run")
    file = tmp_path / "in.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=told):
        run(ReviewConfig(run=folder, **{"import": str(file)}))
    assert not (tmp_path / "run" / "reviewed.csv").exists()


def test_a_review_keeps_its_seed_and_its_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = scored_run(tmp_path / "run")
    monkeypatch.setattr("ray_jobs.verbs.review._serve", lambda session, port: None)
    assert run(ReviewConfig(run=folder, seed=9))["seed"] == 9
    assert run(ReviewConfig(run=folder))["seed"] == 9
    with pytest.raises(InputError, match="begun with --seed 9"):
        run(ReviewConfig(run=folder, seed=8))
    record = tmp_path / "run" / "reviewed.json"
    record.write_text(record.read_text().replace('"images": 400', '"images": 401'))
    with pytest.raises(InputError, match="are not those that"):
        status(folder)
    record.write_text("[]")
    with pytest.raises(InputError, match="is not what a review writes"):
        status(folder)


def test_an_answer_of_another_process_is_seen(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run")
    session = session_of(folder)
    image = session.next_images(1)[0]
    line = ReviewedLine(str(image.image_id), "wren", "Bob", stratum="0", answer="label")
    append_lines(session.file, [line])
    assert session.next_images(1)[0] != image
    assert session.figures()["reviewers"] == {"Bob": 1}
