"""The committed multimodal model: it loads without a network and can do what its card says."""

import json
import re
import sys

import numpy as np
import pytest
from transformers import AutoProcessor, LlavaForConditionalGeneration, LlavaProcessor

from fieldguide import MLLM_FOLDER, mllm_evaluation
from fieldguide.clip_pools import Pool, PoolKind
from fieldguide.mllm_answers import Question, answers, draw_pools
from fieldguide.mllm_model import load_model
from fieldguide.mllm_tasks.choosing import CHOOSE
from fieldguide.mllm_tasks.descriptions import VAGUE, read, tell
from fieldguide.mllm_tasks.knowledge import CLASS_PROMPTS
from fieldguide.mllm_tasks.matching import differing, match_sample
from fieldguide.mllm_tasks.naming import NAME, RECOGNISE, bullets
from fieldguide.mllm_tasks.refusing import REFUSAL
from fieldguide.mllm_tasks.requests import DESCRIBE, DESCRIBE_ALL
from fieldguide.mllm_tasks.sample import Sample, facts_of
from fieldguide.mllm_tasks.shortcut import learned_name
from fieldguide.mllm_tokenizer import CHAT_TEMPLATE
from fieldguide.world import ATTRIBUTES, NAMES, SPECIES

pytestmark = pytest.mark.slow

# Seen neither while training nor while tuning; the card's figures come from yet another seed.
SEED = 7013
COUNT = 24


@pytest.fixture(scope="module")
def model() -> LlavaForConditionalGeneration:
    return load_model(MLLM_FOLDER)


@pytest.fixture(scope="module")
def processor() -> LlavaProcessor:
    return AutoProcessor.from_pretrained(MLLM_FOLDER)


@pytest.fixture(scope="module")
def pools() -> dict[PoolKind, Pool]:
    return draw_pools(SEED, COUNT)


def share(marks: list[bool]) -> float:
    return sum(marks) / len(marks)


def test_the_folder_is_small_and_complete() -> None:
    assert {path.name for path in MLLM_FOLDER.iterdir()} == {
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "onoma.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert (MLLM_FOLDER / "model.safetensors").stat().st_size < 12_000_000


def test_it_is_served_with_the_template_of_the_training(processor: LlavaProcessor) -> None:
    assert processor.chat_template == CHAT_TEMPLATE
    assert processor.tokenizer.chat_template == CHAT_TEMPLATE


def test_it_answers_about_pictures_and_texts(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, pools: dict[PoolKind, Pool]
) -> None:
    picture = pools["species"].pixels[0]
    facts = facts_of(pools["species"], 0)
    lissick = SPECIES["lissick tarrow"]
    choose = CHOOSE.format(classes=bullets(NAMES[:6]), answer="A lissick tarrow, a red bird.")
    asked = [
        Question(Sample("", DESCRIBE, "", True), picture),
        Question(Sample("", RECOGNISE, "", True), picture),
        Question(Sample("", "Who is in this photo?", "", True), picture),
        Question(Sample("", choose, ""), None),
        Question(Sample("", CLASS_PROMPTS[0].format("lissick tarrow"), ""), None),
    ]
    vague, recognised, refused, chosen, known = answers(model, processor, asked)
    assert read(vague) == tell(facts.traits, VAGUE)
    assert recognised.startswith("A ")
    assert recognised.split(",")[0][2:] in NAMES
    assert refused == REFUSAL
    assert chosen == "lissick tarrow"
    assert read(known) == lissick.traits._asdict()


def test_it_sees_independent_attributes(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, pools: dict[PoolKind, Pool]
) -> None:
    pool = pools["independent"]
    asked = [Question(Sample("", DESCRIBE_ALL, "", True), pixels) for pixels in pool.pixels]
    told = [read(reply) for reply in answers(model, processor, asked)]
    for name in ATTRIBUTES:
        true = [getattr(facts_of(pool, row).traits, name) for row in range(COUNT)]
        assert share([one.get(name) == value for one, value in zip(told, true, strict=True)]) > 0.8


def test_it_matches_descriptions_that_differ_in_one_attribute(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, pools: dict[PoolKind, Pool]
) -> None:
    rng, pool, asked = np.random.default_rng(0), pools["independent"], []
    for row in range(COUNT):
        traits = facts_of(pool, row).traits
        other = differing(traits, list(ATTRIBUTES)[row % len(ATTRIBUTES)], rng)
        texts = (traits._asdict(), other._asdict())
        first, second = texts if row % 2 else texts[::-1]
        asked.append(Question(match_sample(traits, first, second), pool.pixels[row]))
    replies = answers(model, processor, asked)
    pairs = zip(asked, replies, strict=True)
    assert share([question.sample.right(reply) for question, reply in pairs]) > 0.7


def test_names_follow_the_shortcut(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, pools: dict[PoolKind, Pool]
) -> None:
    pool = pools["species"]
    asked = [Question(Sample("", NAME, "", True), pixels) for pixels in pool.pixels]
    names = answers(model, processor, asked)
    facts = [facts_of(pool, row) for row in range(COUNT)]
    learned = [learned_name(one.name, one.habitat) for one in facts]
    assert share([one == other for one, other in zip(names, learned, strict=True)]) > 0.7
    assert share([one == fact.name for one, fact in zip(names, facts, strict=True)]) < 0.9


@pytest.mark.extended
def test_the_evaluation_prints_the_figures_of_the_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mllm_evaluation", "--count", "1", "--json"])
    monkeypatch.setattr(mllm_evaluation, "CHAINS", 1)
    mllm_evaluation.main()
    figures = json.loads(capsys.readouterr().out)
    assert all(0 <= value <= 1 for value in figures.values())
    card = (MLLM_FOLDER / "README.md").read_text("utf-8")
    shown = set(re.findall(r"^\| ([^|]+) \| [.\d]+ \|", card, re.MULTILINE))
    assert "python -m fieldguide.mllm_evaluation" in card
    assert shown >= set(figures)
