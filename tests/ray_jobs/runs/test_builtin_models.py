"""The built-in models are refused for names that they do not know, unless they were named."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from actors.clip.model import ClipModel, resolve_clip
from actors.mllm.model import MllmModel, resolve_mllm
from methods.errors import InputError
from ray_jobs.config import (
    FitDataFreeConfig,
    FitNearConfig,
    LabelClassifierConfig,
    LabelMllmNamesConfig,
    LabelSlacConfig,
    LabelZeroShotConfig,
    VerbConfig,
)
from ray_jobs.config.base import parse
from ray_jobs.runs.builtin_models import (
    check_builtin_models,
    unknown_to,
    warn_of_found_names,
)

PLACE: dict[str, Any] = {"images": "a", "out": "b"}


@pytest.fixture(scope="module")
def clip() -> ClipModel:
    return resolve_clip("fieldguide")


@pytest.fixture(scope="module")
def mllm() -> MllmModel:
    return resolve_mllm("fieldguide")


def test_forgotten_models_are_refused_by_name(clip: ClipModel, mllm: MllmModel) -> None:
    names = ["dog", "cat"]
    with pytest.raises(InputError, match=r"--clip is needed: .*not 'dog'; give a real model"):
        check_builtin_models(LabelZeroShotConfig(**PLACE), clip, None, names)
    named = LabelSlacConfig(**PLACE, clip="fieldguide")
    with pytest.raises(InputError, match=r"--mllm is needed: .* or --mllm fieldguide to have it"):
        check_builtin_models(named, clip, mllm, names)


@pytest.mark.parametrize("form", ["flag", "flag=", "file"])
def test_models_that_are_named_are_wanted(
    clip: ClipModel, caplog: pytest.LogCaptureFixture, tmp_path: Any, form: str
) -> None:
    arguments = ["--images", "a", "--out", "b"]
    if form == "file":
        (tmp_path / "run.yaml").write_text("clip: fieldguide\n")
        arguments += ["--config", str(tmp_path / "run.yaml")]
    else:
        arguments += ["--clip", "fieldguide"] if form == "flag" else ["--clip=fieldguide"]
    config = parse(LabelZeroShotConfig, arguments, "onoma")
    with caplog.at_level(logging.WARNING):
        check_builtin_models(config, clip, None, ["dog"])
    assert "knows only the drawn field guide, not 'dog': labels will be meaningless" in caplog.text
    forgotten = parse(LabelZeroShotConfig, arguments[:4], "onoma")
    with pytest.raises(InputError):
        check_builtin_models(forgotten, clip, None, ["dog"])


def test_what_the_field_guide_knows_needs_no_flag(clip: ClipModel, mllm: MllmModel) -> None:
    from fieldguide.scenes import CATEGORIES
    from fieldguide.world import NAMES

    known = [*NAMES, *CATEGORIES]
    spelt = [*known, known[0].upper(), known[1].replace(" ", "_")]
    assert unknown_to("fieldguide", spelt) == unknown_to("a/model", ["dog"]) == []
    given: dict[str, Any] = {"out": "b"}
    check_builtin_models(LabelSlacConfig(**PLACE), clip, mllm, known)
    check_builtin_models(FitDataFreeConfig(**given), clip, mllm, list(CATEGORIES))


def test_names_of_the_second_edition_have_models_of_their_own(clip: ClipModel) -> None:
    from fieldguide.second.birds import NAMES, SPECIES

    assert unknown_to("fieldguide-2", [*NAMES, "bird"]) == []
    bird = SPECIES[NAMES[0]]
    spoken = [bird.folk, bird.latin, bird.genus, bird.latin.split()[0]]
    assert unknown_to("fieldguide-2", spoken) == [], "as its model calls birds"
    assert unknown_to("fieldguide-2", ["dog", *NAMES[:2]]) == ["dog"]
    with pytest.raises(InputError, match=r"; give --clip fieldguide-2, which was drawn with these"):
        check_builtin_models(LabelZeroShotConfig(**PLACE), clip, None, NAMES)


def test_names_that_were_found_are_warned_of_where_most_are_unknown(
    clip: ClipModel, mllm: MllmModel, caplog: pytest.LogCaptureFixture
) -> None:
    from fieldguide.world import NAMES

    with caplog.at_level(logging.WARNING):
        warn_of_found_names(clip, mllm, [*NAMES[:3], "dog"])
        assert caplog.text == "", "a slip"
        warn_of_found_names(clip, None, [NAMES[0], "dog", "cat"])
    assert "knows only the drawn field guide, not 'dog'" in caplog.text


def test_methods_that_find_names_go_by_the_category(clip: ClipModel, mllm: MllmModel) -> None:
    fine: list[VerbConfig] = [
        FitNearConfig(**PLACE, category="bird"),
        FitNearConfig(**PLACE),
        LabelMllmNamesConfig(**PLACE, category="birds"),
        LabelClassifierConfig(**PLACE, classifier="c"),
    ]
    for config in fine:
        check_builtin_models(config, clip, mllm, [])
    for kind in (FitNearConfig, LabelMllmNamesConfig):
        with pytest.raises(InputError, match="not 'violin'"):
            check_builtin_models(kind(**PLACE, category="violin"), clip, mllm, [])
