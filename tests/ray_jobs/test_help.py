"""``--help`` of every command: groups, one default each, units, examples that parse."""

from __future__ import annotations

import io
import re
import shlex

import pytest

from ray_jobs.cli import DONE, execute
from ray_jobs.commands import COMMANDS, Command
from ray_jobs.config import LabelSlacConfig
from ray_jobs.config.base import parse
from ray_jobs.config.examples import EXAMPLES
from ray_jobs.config.groups import EXPERT, EXPERT_SETTINGS, NEEDED, groups_of
from ray_jobs.config.names import flag_of


def printed(name: str, flag: str) -> str:
    """What a command's help prints."""
    results = io.StringIO()
    assert execute([*name.split(), flag], results) == DONE
    return results.getvalue()


def words(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_all_settings_are_told_once_and_experts_only_if_asked(name: str) -> None:
    command = COMMANDS[name]
    short, long = printed(name, "--help"), printed(name, "--help-all")
    hidden = groups_of(command.config).get(EXPERT, [])
    for setting, info in command.config.model_fields.items():
        if setting == "method" and name.split()[-1] == info.default:
            continue
        flag = flag_of(f"no_{setting}" if info.default is True else info.alias or setting)
        row = re.compile(rf"^  {flag}( |$)", re.MULTILINE)
        if setting == command.positional:
            assert words(info.description or "").partition(" [")[0][:40] in words(long)
            continue
        assert len(row.findall(long)) == 1, flag
        assert len(row.findall(short)) == (setting not in hidden), flag
    assert ("more setting" in short) == bool(hidden)
    for line in (*short.splitlines(), *long.splitlines()):
        assert len(line) <= 100 or line.startswith("  onoma "), line


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_needed_comes_first_and_each_has_one_default(name: str) -> None:
    text, config = printed(name, "--help-all"), COMMANDS[name].config
    required = [field for field, info in config.model_fields.items() if info.is_required()]
    groups = re.findall(r"^([a-z ]+):$", text, re.MULTILINE)
    if required:
        assert groups[0] == NEEDED
        assert set(required) <= set(groups_of(config)[NEEDED])
    for row in re.split(r"\n  (?=\S)", text):
        assert row.count("[default:") <= 1, row
    assert "(default:" not in text
    assert "PydanticUndefined" not in text
    assert "None" not in text


def test_the_groups_of_a_method_stand_in_order() -> None:
    text = printed("label slac", "--help-all")
    groups = re.findall(r"^([a-z ]+):$", text, re.MULTILINE)
    assert groups == [
        *("needed", "archive", "model", "method", "cluster", "of every verb", "for experts"),
        "examples",
    ]
    assert words(text).startswith(f"usage: {text.split()[1]}")
    assert "--images SRC --classes FILE --out DIR [settings]" in words(text)


def test_sizes_and_times_have_units() -> None:
    text = words(printed("label slac", "--help-all"))
    for name, unit in (
        ("max_bytes", "[default: 256 MiB]"),
        ("max_pixels", "[default: 120 megapixels]"),
        ("mllm_timeout", "[default: 120 s]"),
    ):
        description = words(LabelSlacConfig.model_fields[name].description or "")
        assert f"{description} {unit}" in text


def commands_with_examples() -> list[tuple[Command, str]]:
    return [(COMMANDS[name], line) for name, lines in EXAMPLES.items() for line in lines]


def test_every_command_but_a_plan_has_an_example() -> None:
    assert {n for n in COMMANDS if not n.startswith("plan ")} == EXAMPLES.keys()


@pytest.mark.parametrize(("command", "line"), commands_with_examples())
def test_examples_are_commands_that_parse(command: Command, line: str) -> None:
    whole = next(each for each in EXAMPLES[command.name] if " ... " not in each)
    typed = line.partition("  #")[0].partition(" > ")[0].replace(f"onoma {command.name} ...", whole)
    arguments = shlex.split(typed)[1:]
    if command.name != "label classifier":
        assert arguments[: len(command.name.split())] == command.name.split()
        arguments = arguments[len(command.name.split()) :]
    else:
        arguments = arguments[1:]
    arguments = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if command.positional:
        plain = []
        while arguments and not arguments[0].startswith("-"):
            plain += [f"--{command.positional}", arguments.pop(0)]
        arguments = [*plain, *arguments]
    if command.name == "submit":
        arguments.append('--command=["demo"]')
    assert parse(command.config, arguments, "onoma")


def test_the_experts_settings_exist() -> None:
    there = {name for command in COMMANDS.values() for name in command.config.model_fields}
    assert there >= EXPERT_SETTINGS


def test_help_of_another_command_behind_a_dash_dash_is_not_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert execute(["submit", "--sed", "1", "--", "label", "--help"], io.StringIO()) != DONE
    assert "--sed is not a setting" in capsys.readouterr().err
