"""The verb ``completion``: a script for a shell, made of the config classes.

The settings come of pydantic's classes, a parser for each command made when it is run; so there is
no parser of all commands that a library could walk through, and the script is written out here. It
holds everything: completing starts no Python.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ray_jobs.commands import COMMANDS, OF_METHODS, methods_of
from ray_jobs.config.base import VerbConfig
from ray_jobs.config.completion import CompletionConfig
from ray_jobs.config.help import choices_of, described, metavar
from ray_jobs.config.names import flag_of

_HELP: Final = ("--help", "--help-all")


@dataclass(frozen=True)
class Completed:
    """One setting as a shell completes it.

    Attributes:
        flag: ``--clip-batch``.
        takes: whether a value follows.
        words: that the value is one of; none where it may be anything.
        text: what it is.
    """

    flag: str
    takes: bool
    words: tuple[str, ...]
    text: str


def complete(config: CompletionConfig) -> dict[str, Any]:
    """Write the script; returns ``shell`` and ``script``."""
    make = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    return {"shell": config.shell, "script": make[config.shell]()}


def settings_of(kind: type[VerbConfig]) -> list[Completed]:
    """The settings of a command, in order."""
    found = []
    for name, info in kind.model_fields.items():
        if name in ("method", "command"):
            continue
        shown = metavar(name, info)
        flag = flag_of(f"no_{name}" if info.default is True else info.alias or name)
        words = tuple(choices_of(info))
        found.append(Completed(flag, bool(shown), words, described(name, info).partition(" [")[0]))
    return found


def _tree() -> dict[str, list[Completed]]:
    """Settings by command, and by ``label`` alone those of a classifier."""
    found = {name: settings_of(command.config) for name, command in COMMANDS.items()}
    return {**found, "label": found["label classifier"]}


def bash_script() -> str:
    """A script for bash (4 or newer), which zsh reads as well."""
    tree = _tree()
    verbs = " ".join(dict.fromkeys(name.partition(" ")[0] for name in COMMANDS))
    flags, words = [], []
    for name, settings in tree.items():
        listed = " ".join([*(each.flag for each in settings), *_HELP])
        flags.append(f"    {shlex.quote(name)}) flags={shlex.quote(listed)} ;;")
        words += [
            f"    '{name} {each.flag}') words={shlex.quote(' '.join(each.words))} ;;"
            for each in settings
            if each.words
        ]
    switches = sorted({each.flag for all_ in tree.values() for each in all_ if not each.takes})
    first = {"completion": "bash zsh fish"} | {
        verb: " ".join(methods_of(verb)) for verb in (*OF_METHODS, "fieldguide")
    }
    seconds = [f"    {verb}) words={shlex.quote(listed)} ;;" for verb, listed in first.items()]
    return "\n".join(
        [
            "# completion of onoma, made by `onoma completion`",
            "_onoma() {",
            '  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
            '  local verb="${COMP_WORDS[1]}" command="${COMP_WORDS[1]}" flags="" words=""',
            "  COMPREPLY=()",
            "  if [ $COMP_CWORD -eq 1 ]; then",
            f"    COMPREPLY=($(compgen -W {shlex.quote(f'{verbs} --help --version')}"
            ' -- "$current"))',
            "    return",
            "  fi",
            '  case "$verb" in',
            *seconds,
            "  esac",
            '  if [ -n "$words" ]; then',
            '    if [ $COMP_CWORD -eq 2 ] && [ "${current#-}" = "$current" ]; then',
            '      COMPREPLY=($(compgen -W "$words" -- "$current"))',
            "      return",
            "    fi",
            '    case "${COMP_WORDS[2]}" in -*) ;; *) command="$verb ${COMP_WORDS[2]}" ;; esac',
            "  fi",
            '  if [ "$verb" = completion ]; then command=completion; fi',
            '  words=""',
            '  case "$command $before" in',
            *words,
            "  esac",
            '  if [ -n "$words" ]; then',
            '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
            "    return",
            "  fi",
            '  case "$command" in',
            *flags,
            "  esac",
            '  case "$before" in',
            f"    {'|'.join(switches)}) before= ;;",
            "  esac",
            '  case "$before" in',
            '    --*) COMPREPLY=($(compgen -f -- "$current")) ;;',
            "    *)",
            '      case "$current" in',
            '        -*|"") COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;',
            '        *) COMPREPLY=($(compgen -f -- "$current")) ;;',
            "      esac ;;",
            "  esac",
            "}",
            "complete -o filenames -F _onoma onoma",
            "",
        ]
    )


def zsh_script() -> str:
    """The script for zsh: bash's, by zsh's own reading of it."""
    head = ["#compdef onoma", "autoload -Uz compinit bashcompinit"]
    ready = "(( $+functions[compdef] )) || compinit"
    return "\n".join([*head, ready, "bashcompinit", bash_script()])


def fish_script() -> str:
    """The script for fish."""
    verbs: Mapping[str, str] = {name.partition(" ")[0]: "" for name in COMMANDS}
    lines = [
        "# completion of onoma, made by `onoma completion`",
        "function __onoma_is",
        "    set -l words (commandline -opc)[2..-1]",
        '    test "$words[1..$(count $argv)]" = "$argv"',
        "end",
        "function __onoma_first",
        "    test (count (commandline -opc)) -eq 1",
        "end",
        "function __onoma_second",
        "    set -l words (commandline -opc)[2..-1]",
        '    test (count $words) -eq 1; and test "$words[1]" = "$argv[1]"',
        "end",
        f"complete -c onoma -f -n __onoma_first -a {_fish(' '.join(verbs))}",
    ]
    for verb in (*OF_METHODS, "fieldguide"):
        for word, command in methods_of(verb).items():
            lines.append(
                f"complete -c onoma -f -n {_fish(f'__onoma_second {verb}')} -a {word} "
                f"-d {_fish(command.summary)}"
            )
    for name, settings in _tree().items():
        where = _fish(f"__onoma_is {name}")
        for each in settings:
            value = "" if not each.takes else " -r"
            if each.words:
                value = f" -x -a {_fish(' '.join(each.words))}"
            flag = each.flag.removeprefix("--")
            lines.append(f"complete -c onoma -n {where} -l {flag}{value} -d {_fish(each.text)}")
    lines.append(
        f"complete -c onoma -f -n {_fish('__onoma_second completion')} -a {_fish('bash zsh fish')}"
    )
    return "\n".join(lines) + "\n"


def _fish(text: str) -> str:
    """A word of fish, which reads a backslash in single quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
