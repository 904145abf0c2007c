"""Which classifiers are served: what is refused at the start, and what a change may do."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.classifier_store import load_classifier, save_classifier, save_reference
from actors.clip.encoder import ClipEncoder, clip_record
from actors.clip.image_scorer import Ranking
from actors.clip.model import FIELD_GUIDE, resolve_clip
from fieldguide.world import NAMES
from methods.class_matrix import class_matrix
from methods.classifier import CONFIG_FILE, WEIGHTS_FILE, Classifier
from methods.drift import REFERENCE_FILE, Seen
from methods.errors import InputError
from methods.prompt_templates import SIMPLE_TEMPLATES
from serve.catalogue import ClassifierRef, changed, load_available, load_catalogue
from serve.classifiers import Classifiers
from serve.messages import Options
from serve.settings import EndpointSettings


@pytest.fixture(scope="module")
def classifier_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A zero-shot classifier of the field guide's birds, made in this process."""
    model = resolve_clip(FIELD_GUIDE)
    encoder = ClipEncoder(model, precision="fp32", threads=1, device="cpu")
    record = clip_record(model, encoder)
    classifier = Classifier(
        labels=tuple(NAMES),
        matrix=class_matrix(NAMES, SIMPLE_TEMPLATES, encoder.encode_texts),
        clip=record,
        method="zero_shot",
        logit_scale=record["logit_scale"],
    )
    out = str(tmp_path_factory.mktemp("birds") / "classifier")
    save_classifier(classifier, out)
    return out


@pytest.fixture
def copy(classifier_folder: str, tmp_path: Path) -> Callable[..., ClassifierRef]:
    """Makes a classifier of its own; parts of it may differ."""

    def make(name: str, folder: str = "", **parts: Any) -> ClassifierRef:
        classifier = replace(load_classifier(classifier_folder), **parts)
        out = tmp_path / (folder or name)
        save_classifier(classifier, str(out))
        return ClassifierRef(name=name, folder=str(out))

    return make


def spoil(ref: ClassifierRef, how: str) -> None:
    """Make a classifier's folder unusable."""
    folder = Path(ref.folder)
    if how == "missing":
        shutil.rmtree(folder)
    elif how == "no weights":
        (folder / WEIGHTS_FILE).unlink()
    elif how == "weights cut":
        whole = (folder / WEIGHTS_FILE).read_bytes()
        (folder / WEIGHTS_FILE).write_bytes(whole[:-8])
    elif how == "no JSON":
        (folder / CONFIG_FILE).write_text("{")
    elif how == "reference":
        (folder / REFERENCE_FILE).write_text("{}")
    else:
        config = json.loads((folder / CONFIG_FILE).read_text())
        config["clip"]["fingerprint"] = "another"
        (folder / CONFIG_FILE).write_text(json.dumps(config))


SPOILT = ["missing", "no weights", "weights cut", "no JSON", "reference", "other CLIP"]


def test_classifiers_are_listed_in_their_order_the_first_by_default(
    copy: Callable[..., ClassifierRef], classifier_folder: str
) -> None:
    one, other = copy("one"), copy("other", labels=tuple(f"bird {at}" for at in range(24)))
    seen = Seen()
    seen.add(["bird 1"], np.array([0.5], np.float32))
    save_reference(seen, load_classifier(other.folder), other.folder)
    save_reference(seen, load_classifier(other.folder), one.folder)  # of another classifier
    catalogue = load_catalogue([other, one], None)
    listing = catalogue.listing
    assert (listing.default, listing.problems) == ("other", [])
    assert [(each.name, each.has_reference) for each in listing.classifiers] == [
        ("other", True),
        ("one", False),
    ]
    first, second = listing.classifiers
    assert first.version != second.version == load_classifier(classifier_folder).identity[:12]
    assert (first.label_count, first.clip, first.method) == (24, FIELD_GUIDE, "zero_shot")


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("at", [0, 1])
def test_no_endpoint_starts_with_a_classifier_that_cannot_be_served(
    copy: Callable[..., ClassifierRef], how: str, at: int
) -> None:
    refs = [copy("one"), copy("other")]
    spoil(refs[at], how)
    with pytest.raises(InputError, match=refs[at].folder):
        load_catalogue(refs, None)


@pytest.mark.parametrize("at", [0, 1])
def test_a_replica_that_starts_later_takes_what_there_is(
    copy: Callable[..., ClassifierRef], at: int
) -> None:
    refs = [copy("one"), copy("other")]
    spoil(refs[at], "weights cut")
    catalogue = load_available(refs, None)
    assert list(catalogue.loaded) == [refs[1 - at].name]
    assert [each.split(":")[0] for each in catalogue.problems] == [refs[at].name]
    spoil(refs[1 - at], "missing")
    with pytest.raises(InputError):
        load_available(refs, None)


@pytest.mark.parametrize("how", SPOILT)
def test_a_change_keeps_what_cannot_be_replaced_and_says_why(
    copy: Callable[..., ClassifierRef], how: str
) -> None:
    before = load_catalogue([copy("one"), copy("other")], None)
    new = copy("one", "one-2", logit_scale=50.0)
    spoilt, added = copy("other", "other-2"), copy("added")
    spoil(spoilt, how)
    spoil(added, how)
    after = changed(before, [spoilt, new, added], None)
    assert list(after.loaded) == ["other", "one"]
    assert after.loaded["other"] is before.loaded["other"]
    assert after.loaded["one"].version != before.loaded["one"].version
    assert [each.split(":")[0] for each in after.problems] == ["other", "added"]
    assert "\n" not in "".join(after.listing.problems)
    assert max(map(len, after.problems)) <= 500
    whole = changed(after, [copy("other", "other-3"), new], None)
    assert whole.problems == []


def test_a_change_drops_what_it_does_not_name_but_never_everything(
    copy: Callable[..., ClassifierRef],
) -> None:
    one, other = copy("one"), copy("other")
    before = load_catalogue([one, other], None)
    assert list(changed(before, [other], None).loaded) == ["other"]
    nothing = changed(before, [ClassifierRef(name="new", folder=one.folder + "-none")], None)
    assert nothing.loaded == before.loaded
    assert len(nothing.problems) == 1
    assert nothing.listing.default == "one"
    same = changed(before, [one, other], None).loaded["one"]
    assert same.version == before.loaded["one"].version


def test_two_classifiers_may_not_have_one_name(copy: Callable[..., ClassifierRef]) -> None:
    with pytest.raises(InputError, match="two classifiers are called one"):
        load_catalogue([copy("one"), copy("one", "one-2")], None)


@pytest.mark.slow
def test_a_running_replica_survives_every_list_that_it_is_given(
    copy: Callable[..., ClassifierRef],
    birds: Path,
    bird_paths: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = copy("one").model_dump(), copy("other").model_dump()
    newer = copy("other", "other-2", logit_scale=50.0).model_dump()
    image = (birds / "images" / bird_paths[0]).read_bytes()

    async def live() -> None:
        settings = EndpointSettings(gpus=0, threads=1, max_batch=2)
        with pytest.raises(ValueError, match="no such folder"):
            await Classifiers(settings).reconfigure({"classifiers": [{**one, "folder": "/none"}]})
        replica = Classifiers(settings)
        await replica.reconfigure({"classifiers": [one]})
        for wrong in ([], [one, one], [{"name": "one"}], [{**one, "folder": "/none"}], None):
            await replica.reconfigure({"classifiers": wrong})
            listing = await replica.listing()
            assert [each.name for each in listing.classifiers] == ["one"]
            assert len(listing.problems) == 1
            assert "\n" not in listing.problems[0]
        await replica.reconfigure({"classifiers": [other, one]})
        listing = await replica.listing()
        assert (listing.default, listing.problems) == ("other", [])

        async def through(item: Any) -> tuple[Ranking, float]:
            (ranking,) = replica._forward([item])
            await asyncio.sleep(0.5)
            return ranking, 0.5

        # what is under way keeps its classifier while another takes the name
        monkeypatch.setattr(replica, "_through", through)  # a batch wants Serve around it
        asked = [asyncio.create_task(replica.classify(Options(), [None], [image])) for _ in "abc"]
        await asyncio.sleep(0)
        await replica.reconfigure({"classifiers": [newer]})
        asked.append(asyncio.create_task(replica.classify(Options(), [None], [image])))
        answers = await asyncio.gather(*asked)
        versions = [answer.classifier.version for answer in answers]
        assert versions[:3] == [listing.classifiers[0].version] * 3
        assert versions[3] == (await replica.listing()).classifiers[0].version != versions[0]
        labels = {answer.images[0].labels[0].label for answer in answers}
        assert len(labels) == 1

    asyncio.run(live())


def test_labels_that_are_ids_come_with_their_names(copy: Callable[..., ClassifierRef]) -> None:
    ids = tuple(f"n{at:03d}" for at in range(len(NAMES)))
    refs = [
        copy("ids", labels=ids, names=tuple(NAMES), others=((),) * len(NAMES)),
        copy("plain"),
    ]
    loaded = load_catalogue(refs, None).loaded
    scores = np.array([0.75, 0.25], np.float32)
    ranking = Ranking(np.array([2]), scores[:1], np.array([2, 0]), scores, 0.1)
    endpoint = Classifiers(EndpointSettings())
    (one,) = endpoint._answers(loaded["ids"], ["a.jpg"], [ranking])
    assert [(each.label, each.name) for each in one.labels] == [("n002", NAMES[2])]
    assert [(each.label, each.name) for each in one.top] == [("n002", NAMES[2]), ("n000", NAMES[0])]
    (other,) = endpoint._answers(loaded["plain"], [None], [ranking])
    assert [(each.label, each.name) for each in other.labels] == [(NAMES[2], None)]
