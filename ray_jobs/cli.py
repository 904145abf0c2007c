"""The command line: ``onoma VERB ...`` and ``python -m ray_jobs VERB ...`` are the same.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 and 143 stopped by Ctrl-C and SIGTERM. Standard
output carries only results (a table, or with ``--json`` one JSON object); progress, logs and
whatever libraries print go to standard error.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import textwrap
from contextlib import suppress
from functools import partial
from itertools import chain, repeat, takewhile
from pathlib import PurePath
from typing import TYPE_CHECKING, TextIO, get_origin

from methods.errors import InputError, LedgerError
from methods.json_text import json_text
from ray_jobs.commands import COMMANDS, OF_METHODS, Command, methods_of
from ray_jobs.config.names import did_you_mean
from ray_jobs.console import console_log
from ray_jobs.home import ensure_home
from ray_jobs.stopping import AGAIN, ENDING, Stopped, taking_signals

if TYPE_CHECKING:
    from ray_jobs.config import VerbConfig

logger = logging.getLogger("onoma")

DONE, FAILED, WRONG_USAGE = 0, 1, 2
_OF_ARCHIVES = ("label", "plan")
_RESUMED = ("label", "fit", "embed", "demo", "reproduce")
_HELP_ALL = "--help-all"
_HELP = {"-h", "--help", _HELP_ALL}
_COLUMNS = 100


def main() -> int:
    """Run this process's command and leave nothing behind it; returns the exit code.

    A process that had to do with Ray ends here.
    """
    code = FAILED
    with taking_signals():
        try:
            ensure_home()
            code = _command()
            _end_ray(code)
        except KeyboardInterrupt:  # before the command, or after it was done
            code = _complain("stopped", ENDING.code)
            _end_ray(code)
    return code


def _command() -> int:
    results = _results_stream()
    try:
        code = execute(sys.argv[1:], results)
        results.flush()
    except BrokenPipeError:  # whoever read it, such as head, has had enough
        code = FAILED
    except OSError as error:  # of a full disk; what commands do is told by themselves
        code = _complain(f"standard output cannot be written: {error.strerror}", FAILED)
    finally:
        with suppress(OSError):
            results.close()
    return code


def _end_ray(code: int) -> None:
    """Where this process had to do with Ray, end it and what it has started of Ray."""
    if "ray_jobs.passes.session" in sys.modules:
        from ray_jobs.passes.session import leave_ray

        leave_ray()
        ENDING.leave(code)


def _results_stream() -> TextIO:
    """Keep standard output for results: file descriptor 1 becomes standard error for all others."""
    sys.stdout.flush()
    # a path may be no UTF-8
    results = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)
    return results


def execute(arguments: list[str], results: TextIO) -> int:
    """Run one command, write what it gives to ``results``, say what is wrong on standard error."""
    try:
        return _run(arguments, results)
    except InputError as error:
        return _complain(str(error), WRONG_USAGE)
    except KeyboardInterrupt:
        on = f"; {AGAIN}" if arguments[:1] and arguments[0] in _RESUMED else ""
        return _complain(f"stopped{on}", ENDING.code)
    except BrokenPipeError:
        return FAILED


def _complain(text: str, code: int) -> int:
    print(f"onoma: {text}", file=sys.stderr)
    return code


def _run(arguments: list[str], results: TextIO) -> int:
    if not arguments or arguments[0] in {*_HELP, "help"}:
        results.write(_overview())
        return DONE if arguments else WRONG_USAGE
    if arguments[0] == "--version":
        results.write(f"onoma {_version()}\n")
        return DONE
    name, rest = _find(arguments)
    if name not in COMMANDS:
        results.write(_methods(name))
        return DONE
    config = _configure(COMMANDS[name], rest, results)
    if config is None:
        return DONE
    with console_log(config.verbose):
        return _execute(COMMANDS[name], config, results)


def _execute(command: Command, config: VerbConfig, results: TextIO) -> int:
    from actors.s3_settings import use_s3
    from ray_jobs.passes.session import set_verbose

    set_verbose(config.verbose)
    use_s3(config.s3)
    try:
        result = command.run(config)
    except Exception as error:
        logger.debug("traceback", exc_info=True)
        return _tell(error)
    if config.json_output:
        results.write(json_text(result) + "\n")
    else:
        from ray_jobs.summary import show

        show(command.name, result, results, getattr(config, "out", None))
    if "exit_code" in result:
        return int(result["exit_code"] or DONE)
    return DONE if result.get("ready", True) and result.get("passed", True) else FAILED


def _tell(error: Exception) -> int:
    """Say why a job ended; returns the exit code.

    Raises:
        InputError: it is one.
        BrokenPipeError: nobody reads what is written.
    """
    if isinstance(error, (InputError, BrokenPipeError)):
        raise error
    from ray_jobs.failures import failure, wrong_input
    from ray_jobs.passes.label_job import Interrupted
    from ray_jobs.runs.claim import ClaimLost

    if isinstance(error, ClaimLost):
        return _complain(str(error), FAILED)
    if isinstance(error, Interrupted):
        return _complain(f"{error}. Run the same command again to finish the rest.", ENDING.code)
    if ENDING.signal is not None:  # Ray's processes have had the signal too
        raise Stopped(ENDING.signal) from None
    if isinstance(error, LedgerError):
        return _complain(str(error), FAILED)
    if (sentence := wrong_input(error)) is not None:
        return _complain(sentence, WRONG_USAGE)
    return _complain(f"failed: {failure(error)}", FAILED)


def _find(arguments: list[str]) -> tuple[str, list[str]]:
    """Find the command that the first words name, and what is left of them.

    Returns:
        The name of a command, or the verb alone where ``--help`` asks for its methods.

    Raises:
        InputError: no such verb or method, with those there are.
    """
    verb, rest = arguments[0], arguments[1:]
    if verb in COMMANDS:
        return verb, rest
    methods = methods_of(verb)
    if not methods:
        verbs = _verbs()
        raise InputError(
            f"no verb {verb!r}{did_you_mean(verb, verbs)}; the verbs are {', '.join(verbs)}"
        )
    word = rest[0] if rest and not rest[0].startswith("-") else None
    if word is not None:
        rest = rest[1:]
    else:
        word = _method_of_settings(verb, rest)
    if word is None and _HELP & set(rest):
        return verb, rest
    if word not in methods:
        which = f"no method {word!r}{did_you_mean(word, methods)}" if word else "say which method"
        raise InputError(f"{verb}: {which}; there are {', '.join(methods)}")
    return f"{verb} {word}", rest


def _method_of_settings(verb: str, rest: list[str]) -> str | None:
    """The method that a command without the word for it names by its settings."""
    if any(argument.partition("=")[0] == "--config" for argument in rest):
        from ray_jobs.config.yaml_file import yaml_method

        if word := yaml_method(rest):
            return word
    if verb not in _OF_ARCHIVES:
        return None
    if "--method" in rest[:-1]:
        return rest[rest.index("--method") + 1]
    given = any(argument.partition("=")[0] == "--classifier" for argument in rest)
    return "classifier" if given else None


def _configure(command: Command, rest: list[str], results: TextIO) -> VerbConfig | None:
    """Parse the settings; None after ``--help``."""
    from ray_jobs.config.base import parse

    if _HELP & set(takewhile(lambda word: word != "--", rest)):
        results.write(_help_of(command, everything=_HELP_ALL in rest))
        return None
    fields = command.config.model_fields
    if command.positional:
        words = list(takewhile(lambda word: not word.startswith("-"), rest))
        if get_origin(fields[command.positional].annotation) is not list:
            words = words[:1]
        named = [part for word in words for part in (f"--{command.positional}", word)]
        rest = [*named, *rest[len(words) :]]
    if "--" in rest and "command" in fields:  # the words of another command
        at = rest.index("--")
        rest = [*rest[:at], f"--command={json.dumps(rest[at + 1 :])}"]
    return parse(command.config, rest, f"{_program()} {command.name}")


def _help_of(command: Command, *, everything: bool) -> str:
    from ray_jobs.config.examples import EXAMPLES
    from ray_jobs.config.help import help_text

    full = f"{_program()} {command.name}"
    return help_text(
        command.config,
        full.removesuffix(" classifier"),
        full=full,
        positional=command.positional,
        examples=EXAMPLES.get(command.name, ()),
        everything=everything,
    )


def _program() -> str:
    """How this program was started, for usage lines."""
    started = PurePath(sys.argv[0])
    return f"python -m {started.parent.name}" if started.name == "__main__.py" else "onoma"


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("onoma")
    except PackageNotFoundError:  # a checkout on the path, as of a submitted job
        return "of a checkout that is not installed"


def _verbs() -> dict[str, str]:
    """The verbs and a line on each, in the order of `COMMANDS`."""
    lines: dict[str, str] = {}
    for name, command in COMMANDS.items():
        verb, _, what = name.partition(" ")
        text = OF_METHODS.get(verb, f"{name}: {command.summary}" if what else command.summary)
        lines.setdefault(verb, text)
    return lines


def _listed(lines: dict[str, str]) -> str:
    """Names and what they do, in two columns of at most 100 characters."""
    width = max(map(len, lines))
    wrap = partial(textwrap.wrap, width=_COLUMNS - width - 4)
    return "\n".join(
        f"  {name if first else '':<{width}}  {line}"
        for name, text in lines.items()
        for first, line in zip(chain([True], repeat(False)), wrap(text), strict=False)
    )


def _overview() -> str:
    return (
        "Onoma names the images of archives nobody has labelled.\n\n"
        f"usage: {_program()} VERB [METHOD] [settings]\n\n{_listed(_verbs())}\n\n"
        f"methods of label: {', '.join(methods_of('label'))}\n"
        "Every verb takes --help, --help-all, --config FILE.yaml, --json, --seed and --verbose.\n"
        f"{_program()} --version says which version this is.\n"
    )


def _methods(verb: str) -> str:
    """What ``--help`` of a verb says that needs one more word."""
    lines = {word: command.summary for word, command in methods_of(verb).items()}
    about = f"\n{OF_METHODS[verb]}\n" if verb in OF_METHODS else ""
    what = "METHOD" if verb in OF_METHODS else "|".join(lines)
    return (
        f"usage: {_program()} {verb} {what} [settings]\n{about}\n{_listed(lines)}\n\n"
        f"{_program()} {verb} {what} --help lists the settings of one, --help-all every one.\n"
    )
