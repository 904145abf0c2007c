"""The command line: ``onoma VERB ...`` and ``python -m ray_jobs VERB ...`` are the same.

Exit codes: 0 done, 1 failed or stopped, 2 wrong usage. Standard output carries only results (a
table, or with ``--json`` one JSON object); progress, logs and whatever libraries print go to
standard error.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from itertools import takewhile
from typing import TextIO, get_origin

from methods.errors import InputError, LedgerError
from ray_jobs.commands import COMMANDS, Command
from ray_jobs.config import VerbConfig, parse, program_name, yaml_method

logger = logging.getLogger("onoma")

DONE, FAILED, WRONG_USAGE = 0, 1, 2
_SUMMARIES = {
    "demo": "the whole story on the field guide, with a report",
    "doctor": "what is ready here, what is missing, what to do",
    "manifest": "list an archive's images with stable ids",
    "fit": "make a classifier: fit METHOD --out DIR ...",
    "label": "label an archive: label METHOD|--classifier DIR --images SRC --out RUN ...",
    "plan": "a pilot and a forecast of a labelling job: plan METHOD, settings as for label",
    "submit": "run a verb on a cluster: submit --address URL -- VERB ...",
    "evaluate": "compare a run with the truth",
    "report": "write RUN/report.html",
    "serve": "an HTTP endpoint for classifiers: serve CLASSIFIER ...",
    "fieldguide": "fieldguide draw: draw a test archive with its truth",
}


_OF_ARCHIVES = ("label", "plan")
_RAISED = re.compile(r"^(?:[a-z_]\w*\.)*([A-Z]\w*(?:Error|Exception)): (.+)$", re.MULTILINE)
_WRAPPERS = {"UserCodeException", "RayTaskError"}
_SENTENCES = {"EngineStartError", "InputError"}
_REPLICA_DIED = (
    "a model's replica died again and again, most often for lack of memory; its log is in Ray's "
    "session folder (/tmp/ray/session_latest/logs on one machine)"
)
_AGAIN = "run the same command again to resume"


def main() -> int:
    """Run this process's command and leave nothing behind it; returns the exit code."""
    with _results_stream() as results:
        code = execute(sys.argv[1:], results)
    if "ray" in sys.modules:
        from ray_jobs.passes.session import stop_ray

        stop_ray()
    return code


def _results_stream() -> TextIO:
    """Keep standard output for results: file descriptor 1 becomes standard error for all others."""
    sys.stdout.flush()
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return results


def execute(arguments: list[str], results: TextIO) -> int:
    """Run one command, write what it gives to ``results``, say what is wrong on standard error."""
    logging.basicConfig(level=logging.WARNING, format="onoma: %(message)s", stream=sys.stderr)
    try:
        return _run(arguments, results)
    except InputError as error:
        return _complain(str(error), WRONG_USAGE)
    except KeyboardInterrupt:
        return _complain("stopped", FAILED)
    except BrokenPipeError:
        return FAILED


def _complain(text: str, code: int) -> int:
    print(f"onoma: {text}", file=sys.stderr)
    return code


def _run(arguments: list[str], results: TextIO) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        results.write(_overview())
        return DONE if arguments else WRONG_USAGE
    name, command, rest = _find(arguments)
    config = _configure(name, command, rest, results)
    if config is None:
        return DONE
    from ray_jobs.passes.label_job import Interrupted

    try:
        result = command.run(config)
    except Interrupted as stop:
        return _complain(f"{stop}. Run the same command again to finish the rest.", FAILED)
    except LedgerError as error:
        return _complain(str(error), FAILED)
    except InputError:
        raise
    except Exception as error:
        logger.debug("traceback", exc_info=True)
        return _complain(f"failed: {_failure(error)}", FAILED)
    if config.json_output:
        results.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        from ray_jobs.summary import show

        show(name, result, results)
    if "exit_code" in result:
        return int(result["exit_code"] or DONE)
    return DONE if result.get("ready", True) and result.get("passed", True) else FAILED


def _find(arguments: list[str]) -> tuple[str, Command, list[str]]:
    """Find the command that the first words name.

    Raises:
        InputError: no such verb or method, with those there are.
    """
    verb, rest = arguments[0], arguments[1:]
    word = rest[0] if rest and not rest[0].startswith("-") else None
    if verb in COMMANDS:
        return verb, COMMANDS[verb], rest
    methods = [name.partition(" ")[2] for name in COMMANDS if name.startswith(verb + " ")]
    if not methods:
        raise InputError(f"no verb {verb!r}; the verbs are {', '.join(_SUMMARIES)}")
    if word is not None:
        rest = rest[1:]
    else:
        word = yaml_method(rest)
    if word is None and verb in _OF_ARCHIVES and "--method" in rest[:-1]:
        word = rest[rest.index("--method") + 1]
    if (
        word is None
        and verb in _OF_ARCHIVES
        and any(a.split("=")[0] == "--classifier" for a in rest)
    ):
        word = "classifier"
    if word is None and {"-h", "--help"} & set(rest):
        word = methods[0]
    if word not in methods:
        which = f"no method {word!r}" if word else "say which method"
        raise InputError(f"{verb}: {which}; there are {', '.join(methods)}")
    return f"{verb} {word}", COMMANDS[f"{verb} {word}"], rest


def _configure(name: str, command: Command, rest: list[str], results: TextIO) -> VerbConfig | None:
    """Parse the settings; None after ``--help``."""
    if command.positional:
        words = list(takewhile(lambda word: not word.startswith("-"), rest))
        if get_origin(command.config.model_fields[command.positional].annotation) is not list:
            words = words[:1]
        named = [part for word in words for part in (f"--{command.positional}", word)]
        rest = [*named, *rest[len(words) :]]
    if "--" in rest:  # the words of another command
        at = rest.index("--")
        rest = [*rest[:at], f"--command={json.dumps(rest[at + 1 :])}"]
    if {"-h", "--help"} & set(rest):
        results.flush()
        os.dup2(results.fileno(), 1)
    try:
        return parse(command.config, rest, f"{program_name()} {name}")
    except SystemExit as stop:
        if stop.code:
            raise
        return None


def _overview() -> str:
    width = max(map(len, _SUMMARIES))
    verbs = "\n".join(f"  {verb:<{width}}  {text}" for verb, text in _SUMMARIES.items())
    methods = ", ".join(name.partition(" ")[2] for name in COMMANDS if name.startswith("label "))
    return (
        "Onoma names the images of archives nobody has labelled.\n\n"
        f"usage: {program_name()} VERB [METHOD] [settings]\n\n{verbs}\n\n"
        f"methods of label: {methods}\n"
        "Every verb takes --help, --config FILE.yaml, --json and --seed.\n"
    )


def _failure(error: Exception) -> str:
    """Say in one line why a job failed; Ray wraps the cause in layers of tracebacks."""
    layers: list[BaseException] = [error]
    while (
        inner := getattr(layers[-1], "cause", None) or layers[-1].__cause__
    ) is not None and inner is not layers[-1]:
        layers.append(inner)
    # "package.SomeError: why" as tracebacks end; the first named in a layer is the innermost
    raised = [pair for layer in reversed(layers) for pair in _RAISED.findall(str(layer))]
    for kind, text in raised:
        if kind in _SENTENCES:
            return f"{text}; {_AGAIN}"
    for kind, text in raised:
        if kind in ("ActorDiedError", "RayActorError"):
            return f"{_REPLICA_DIED}; {_AGAIN}"
        if kind not in _WRAPPERS:
            return f"{kind}: {text}; {_AGAIN}"
    lines = [line.strip() for line in str(layers[-1]).splitlines() if line.strip()]
    text = lines[-1] if lines else type(layers[-1]).__name__
    return f"{type(layers[-1]).__name__}: {text}; {_AGAIN}"
