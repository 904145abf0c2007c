"""A chat template of the user's own: what is read, and what is refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fieldguide
from actors.mllm.query import model_identity
from methods.errors import InputError
from ray_jobs.config import MllmConfig
from ray_jobs.passes.mllm_settings import engine_options
from ray_jobs.runs.chat_template import read_chat_template

PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}"


def test_a_template_is_a_jinja_file_or_the_json_that_models_come_with(tmp_path: Path) -> None:
    path = Path(fieldguide.MLLM_FOLDER) / "chat_template.jinja"
    assert read_chat_template(str(path)) == path.read_text("utf-8")
    (tmp_path / "t.json").write_text(json.dumps({"chat_template": PLAIN}))
    assert read_chat_template(str(tmp_path / "t.json")) == PLAIN


def test_what_transformers_add_to_jinja_is_fine(tmp_path: Path) -> None:
    text = (
        "{% for m in messages %}{% if loop.last %}{% break %}{% endif %}"
        "{%- generation -%}{{ m.content }}{% endgeneration %}{% endfor %}"
    )
    (tmp_path / "t.jinja").write_text(text)
    assert read_chat_template(str(tmp_path / "t.jinja")) == text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.jinja", "{% for m in messages %}", "line 1 is no Jinja"),
        ("t.jinja", "USER: hello", "does not use messages"),
        ("t.json", "{", "is not valid JSON"),
        ("t.json", '{"chat_template": ["a"]}', "holds no text chat_template"),
    ],
)
def test_what_is_no_template_is_one_sentence(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_chat_template(str(tmp_path / name))
    assert str(caught.value).startswith(f"--mllm-chat-template {tmp_path / name}: ")
    with pytest.raises(InputError, match="no such file"):
        read_chat_template(str(tmp_path / "absent"))


def test_an_endpoint_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "t.jinja").write_text(PLAIN)
    config = MllmConfig(
        mllm="openai:m@http://127.0.0.1:9/v1", mllm_chat_template=str(tmp_path / "t.jinja")
    )
    with pytest.raises(InputError, match="set the template where the model is served"):
        engine_options(config)


def test_a_model_beside_the_one_with_the_template_keeps_its_own(tmp_path: Path) -> None:
    from dataclasses import replace

    from actors.mllm.model import resolve_mllm

    (tmp_path / "t.jinja").write_text(PLAIN)
    config = MllmConfig(mllm_chat_template=str(tmp_path / "t.jinja"))
    model = resolve_mllm("fieldguide")
    assert engine_options(config, model=model).chat_template == PLAIN
    assert engine_options(config, model=replace(model, name="org/writer")).chat_template is None


def test_the_identity_holds_the_template_s_content_and_not_its_place(tmp_path: Path) -> None:
    from actors.mllm.model import resolve_mllm

    model, found = resolve_mllm("fieldguide"), []
    for name, text in (("a", PLAIN), ("b", PLAIN), ("c", PLAIN + " ")):
        (tmp_path / name).write_text(text)
        options = engine_options(MllmConfig(mllm_chat_template=str(tmp_path / name)))
        found.append(model_identity(model, options))
    assert found[0] == found[1] != found[2]
    assert model_identity(model, engine_options(MllmConfig())) not in found
