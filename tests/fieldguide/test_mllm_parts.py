"""The parts of the multimodal model: tokens, template, tower, batches, export and evaluation."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration, PreTrainedTokenizerFast

from fieldguide import CLIP_FOLDER
from fieldguide.bird_images import bird_view, render_bird
from fieldguide.clip_model import load_folder, to_input
from fieldguide.clip_pools import PoolKind, as_clip_sees, draw_pool
from fieldguide.mllm_answers import answers, draw_pools, draw_questions, score
from fieldguide.mllm_batches import TOKENS, Batches, encode
from fieldguide.mllm_export import export, serving_weights
from fieldguide.mllm_features import Seen, see
from fieldguide.mllm_model import clip_tokens, load_model, new_model
from fieldguide.mllm_tokenizer import IMAGE_TOKENS, messages_of, new_processor, train_tokenizer
from fieldguide.mllm_training import tokenizer_texts

pytestmark = pytest.mark.slow

COUNT = 24


@pytest.fixture(scope="module")
def seen() -> dict[PoolKind, Seen]:
    clip, _ = load_folder(CLIP_FOLDER)
    bare = new_model(train_tokenizer([]), clip).eval()
    pools = {
        kind: draw_pool(kind, "dev", 11, COUNT, True)
        for kind in ("independent", "species", "scenes")
    }
    return {kind: Seen(pool, see(bare, pool.pixels)) for kind, pool in pools.items()}


@pytest.fixture(scope="module")
def tokenizer(seen: dict[PoolKind, Seen]) -> PreTrainedTokenizerFast:
    return train_tokenizer(tokenizer_texts(seen))


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    torch.manual_seed(0)
    clip, _ = load_folder(CLIP_FOLDER)
    return new_model(tokenizer, clip)


def test_any_text_is_encoded(tokenizer: PreTrainedTokenizerFast) -> None:
    for text in (
        "Describe the bird.",
        "St. Bernard (Ölg\u00f6) \u65e5\u672c\u8a9e \U0001f426\n\n  x",
        "",
    ):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer("a lissick tarrow")["input_ids"]) == 3


def test_the_prompt_is_a_prefix_of_the_exchange_and_what_serving_sends(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    processor = new_processor(tokenizer)
    questions = draw_questions(draw_pools(12, 6), 12, 6)
    for sample, pixels in questions:
        ids, start = encode(tokenizer, sample)
        served = processor.apply_chat_template(messages_of(sample), add_generation_prompt=True)
        picture = None if pixels is None else [Image.fromarray(pixels)]
        sent = processor(text=[served], images=picture)["input_ids"][0]
        assert list(sent) == ids[:start]
        assert tokenizer.decode(ids[start:]) == f"{sample.answer}</s>"
        assert (tokenizer.convert_tokens_to_ids("<image>") in ids) == sample.with_image


def test_text_comes_before_the_image_in_any_order(tokenizer: PreTrainedTokenizerFast) -> None:
    text, image = {"type": "text", "text": "What is this?"}, {"type": "image"}
    forms = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        for content in ([text, image], [image, text])
    ]
    assert forms == ["USER: What is this?\n<image>\nASSISTANT:\n"] * 2
    plain = [{"role": "system", "content": "Hush."}, {"role": "user", "content": "Why?"}]
    shown = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
    assert shown == "SYSTEM: Hush.\nUSER: Why?\nASSISTANT:\n"


def test_the_tower_is_open_clips(model: LlavaForConditionalGeneration) -> None:
    clip, _ = load_folder(CLIP_FOLDER)
    images = torch.randn(3, 3, 72, 72)
    with torch.no_grad():
        tokens = model.model.vision_tower(images).last_hidden_state
        assert torch.allclose(tokens, clip_tokens(clip, images), atol=1e-4)


def test_images_are_prepared_as_for_the_clip(tokenizer: PreTrainedTokenizerFast) -> None:
    processor = new_processor(tokenizer)
    # Sizes that leave an even margin: an odd one is cut a pixel further left than open_clip does.
    for size in ((150, 120), (96, 128), (300, 240)):
        picture = render_bird(bird_view("dev", 12, 1), *size)
        own = to_input(np.asarray(as_clip_sees(picture))[None])
        served = processor.image_processor(picture, return_tensors="pt")["pixel_values"]
        assert served.shape == own.shape
        assert (served - own).abs().mean() < 0.01


def test_batches_hold_whole_pictures_and_weigh_answers_only(
    tokenizer: PreTrainedTokenizerFast, seen: dict[PoolKind, Seen]
) -> None:
    for batch in islice(Batches(tokenizer, seen, 0), 3):
        assert batch.ids.numel() <= TOKENS
        pictures = batch.ids == tokenizer.convert_tokens_to_ids("<image>")
        assert pictures.sum() == IMAGE_TOKENS * len(batch.features)
        assert not (batch.weights[pictures] > 0).any()
        answers_end = batch.ids[batch.weights > 0] == tokenizer.eos_token_id
        assert answers_end.sum() == len(batch.ids)


@pytest.mark.extended
def test_the_exported_folder_loads(
    model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    processor = new_processor(tokenizer)
    export(model, processor, tmp_path)
    names = serving_weights(model)
    assert "vision_tower.vision_model.embeddings.class_embedding" in names
    assert all(name.split(".")[0] in _PARTS for name in names)
    loaded, reader = load_model(tmp_path), AutoProcessor.from_pretrained(tmp_path)
    for name, value in loaded.state_dict().items():
        assert torch.allclose(value, model.state_dict()[name], atol=1e-2), name
    questions = draw_questions(draw_pools(12, 1), 12, 1)[:2]
    figures = score(questions, answers(loaded, reader, questions))
    assert all(value in (0, 1) for value in figures.values())


_PARTS = {"vision_tower", "language_model", "multi_modal_projector"}
