"""Completion scripts: bash runs its own, the others hold all commands and settings."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.commands import COMMANDS
from ray_jobs.config.completion import CompletionConfig
from ray_jobs.config.names import flag_of
from ray_jobs.verbs.completion import complete


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script for bash."""
    file = tmp_path_factory.mktemp("completion") / "onoma"
    file.write_text(complete(CompletionConfig(shell="bash"))["script"])
    return file


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    listed = " ".join(f"'{word}'" for word in ("onoma", *words))
    program = f"""
source {script}
COMP_WORDS=({listed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_onoma
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, check=True, cwd=script.parent
    )
    assert not done.stderr
    return done.stdout.split()


def test_bash_completes_verbs_methods_settings_words_and_files(script: Path) -> None:
    assert completed(script, "la") == ["label"]
    assert set(completed(script, "")) >= {"label", "status", "completion", "--version"}
    assert completed(script, "label", "sl") == ["slac"]
    assert completed(script, "label", "slac", "--retry") == ["--retry-errors"]
    assert "--mllm" not in completed(script, "label", "zero_shot", "--")
    assert completed(script, "label", "slac", "--matching", "") == ["names", "clip", "names_alone"]
    assert completed(script, "label", "--classifier", "x", "--up") == ["--update"]
    assert completed(script, "completion", "f") == ["fish"]
    assert completed(script, "status", "ono") == ["onoma"]  # a file
    assert completed(script, "label", "slac", "--update", "--cla") == ["--classes"]
    assert completed(script, "fieldguide", "draw", "--kind", "b") == ["birds"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_setting_of_every_command_is_in_the_script(shell: str) -> None:
    text = complete(CompletionConfig(shell=shell))["script"]  # type: ignore[arg-type]
    for name, command in COMMANDS.items():
        assert name in text
        for field, info in command.config.model_fields.items():
            if field not in ("method", "command") and info.default is not True:
                flag = flag_of(info.alias or field)
                assert (f"-l {flag[2:]}" if shell == "fish" else flag) in text, (name, flag)
    if (found := shutil.which(shell)) is not None:
        subprocess.run([found, "-n"], input=text, text=True, check=True)


def test_the_verb_prints_the_script_and_refuses_other_shells(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = io.StringIO()
    assert execute(["completion", "zsh"], results) == DONE
    assert results.getvalue().startswith("#compdef onoma\n")
    assert execute(["completion", "tcsh"], io.StringIO()) == WRONG_USAGE
    assert "input should be 'bash', 'zsh' or 'fish'" in capsys.readouterr().err
