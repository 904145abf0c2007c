"""Class names that CLIP reads as one are refused, or said where the file has ids."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from actors.clip.alike_names import check_names_apart
from actors.clip.encoder import ClipEncoder
from actors.clip.model import FIELD_GUIDE, ClipModel, resolve_clip
from methods.class_matrix import class_matrix
from methods.class_names import ClassNames
from methods.errors import InputError

TEMPLATES = ("a photo of a {}.", "{}")
LONG = "a bird with " + "very " * 100


@pytest.fixture(scope="module")
def model() -> ClipModel:
    return resolve_clip(FIELD_GUIDE)


def large(model: ClipModel) -> ClipModel:
    """The same with the context of the published models."""
    text = {**model.config["text_cfg"], "context_length": 77}
    return replace(model, config={**model.config, "text_cfg": text})


ALIKE = {
    "capitals": ("Crane", "crane"),
    "blanks": ("sea  gull", "sea gull"),
    "entities": ("black &amp; white", "black & white"),
    "full width": ("\uff43\uff41\uff54", "cat"),
    "digits apart": ("route 12", "route 1 2"),
    "cut": (LONG + "long bill", LONG + "short bill"),
}


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE.keys())
def test_names_that_are_one_text_to_clip_are_refused(
    pair: tuple[str, str], model: ClipModel
) -> None:
    classes = ClassNames.plain([pair[0], "goldfish", pair[1]])
    for each in (model, large(model)):
        with pytest.raises(InputError, match=r"--classes f: CLIP reads as one text") as told:
            check_names_apart(each, classes, TEMPLATES, "--classes f")
        assert "(class 1) and " in str(told.value)
        assert "(class 3)" in str(told.value)
        assert ("at its context" in str(told.value)) is (pair[0].startswith(LONG))


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE.keys())
def test_with_ids_they_are_said(
    pair: tuple[str, str], model: ClipModel, caplog: pytest.LogCaptureFixture
) -> None:
    classes = ClassNames(("n1", "n2"), pair, ((), ()))
    with caplog.at_level(logging.WARNING, "onoma"):
        check_names_apart(model, classes, TEMPLATES, "--classes f")
    [record] = caplog.records
    assert "(class 1, n1) and " in record.message
    assert "(class 2, n2)" in record.message


def test_what_is_refused_has_equal_rows_and_what_is_not_has_not(model: ClipModel) -> None:
    encoder = ClipEncoder(model, device="cpu", threads=1)
    for pair in (("Crane", "crane"), ("sea  gull", "sea gull"), ("route 12", "route 1 2")):
        one, two = class_matrix(pair, TEMPLATES, encoder.encode_texts)
        assert (one == two).all()
    for pair in (("crane", "cranes"), ("cafe", "caf\u00e9"), ("sea gull", "seagull")):
        check_names_apart(model, ClassNames.plain(pair), TEMPLATES, "")
        one, two = class_matrix(pair, TEMPLATES, encoder.encode_texts)
        assert not (one == two).all()


def test_a_name_that_is_cut_and_still_another_is_said(
    model: ClipModel, caplog: pytest.LogCaptureFixture
) -> None:
    classes = ClassNames.plain([LONG, "goldfish", "red " * 100])
    with caplog.at_level(logging.WARNING, "onoma"):
        check_names_apart(model, classes, TEMPLATES, "--classes f")
    [record] = caplog.records
    assert "2 names are cut" in record.message
    assert "(class 1) and " in record.message


def test_underscores_are_blanks_where_clip_is_shown_them_so(model: ClipModel) -> None:
    classes = ClassNames.plain(["sea_Gull", "sea gull"])
    check_names_apart(model, classes, TEMPLATES, "")
    with pytest.raises(InputError, match="as one text"):
        check_names_apart(model, classes, TEMPLATES, "", underscores=True)


def test_plain_names_need_no_tokenizer(model: ClipModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.clip.alike_names.find_tokenizer", None)
    check_names_apart(large(model), ClassNames.plain(["crane", "goldfish"]), TEMPLATES, "")
