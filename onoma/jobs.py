"""`label`, `fit` and `evaluate`: the commands of these names, called from Python.

They run the rows of `ray_jobs.commands`, so methods, settings and what is written are the command
line's. On a machine with Ray started, or inside a submitted job, they join that cluster; otherwise
Ray starts here and stays until the program ends.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from methods.errors import InputError, OnomaError
from onoma.keywords import keyword_settings, names_of
from onoma.results import Fit, Run
from ray_jobs.commands import COMMANDS, Command, methods_of
from ray_jobs.config.names import did_you_mean

Place = str | os.PathLike[str]
"""A path or URI, local or ``s3://``; a `Run` or `Fit` stands for its folder."""


def label(
    images: Place,
    *,
    out: Place,
    method: str | None = None,
    classes: Place | Sequence[str] | None = None,
    classifier: Place | None = None,
    clip: Place | None = None,
    mllm: Place | None = None,
    **settings: Any,
) -> Run:
    """Label an archive; called again with the same settings it resumes, or finds it finished.

    Args:
        images: folder, glob, ``s3://`` prefix, Parquet file, tar, or text file of paths.
        out: run folder, new or of this very run.
        method: of `methods`, such as ``zero_shot`` or ``tlac``; not needed with ``classifier``.
        classes: the class names, as a list or a class file.
        classifier: folder of a classifier (or `Fit`, or `Run`), for labelling by CLIP alone.
        clip: the CLIP model, such as ``ViT-L-14/openai``.
        mllm: the multimodal LLM, such as ``Qwen/Qwen2.5-VL-7B-Instruct``.
        settings: further flags of ``onoma label METHOD``, by their names.

    Returns:
        The finished run.

    Raises:
        UnknownSettingError: a keyword is no setting of the method.
        WrongSettingError: a setting is missing or wrong.
        InputError: files, models, the archive or the folder cannot work.
        OnomaError: stopped by Ctrl-C, or the rows written do not add up (`LedgerError`).
    """
    if method is None:
        if classifier is None:
            raise InputError(f"say which method; there are {', '.join(methods())}")
        method = "classifier"
    if classifier is not None:
        from actors.classifier_store import find_classifier

        classifier = find_classifier(os.fspath(classifier))
    given = {"classes": classes, "classifier": classifier, "clip": clip, "mllm": mllm, **settings}
    given = {name: value for name, value in given.items() if value is not None}
    _done(_command("label", method), {"images": images, "out": out, **given})
    return Run(out)


def fit(method: str, *, out: Place, **settings: Any) -> Fit:
    """Learn with a method, and write what it learned into a folder.

    Args:
        method: such as ``near`` or ``data_free``; ``methods("fit")`` are all.
        out: folder to write, new or of this very fit.
        settings: further flags of ``onoma fit METHOD``, by their names.

    Returns:
        What was learned; `label` takes it as ``classifier`` (or ``prompt``, of autosep).

    Raises:
        UnknownSettingError: a keyword is no setting of the method.
        WrongSettingError: a setting is missing or wrong.
        InputError: files, models, the archive or the folder cannot work.
    """
    return Fit(out, _done(_command("fit", method), {"out": out, **settings}))


def evaluate(run: Place, truth: Place, **settings: Any) -> dict[str, Any]:
    """Compare a run with the truth: the only place where a human label is read.

    Args:
        run: the run, or its folder.
        truth: CSV file with columns ``path,label``.
        settings: further flags of ``onoma evaluate``, by their names.

    Returns:
        The metrics that fit, fractions in [0, 1], and ``images``, ``errors``, ``per_class``,
        ``confusions``, ``note``.

    Raises:
        UnknownSettingError: a keyword is no setting.
        InputError: no run, no truth, or a truth that is another archive's.
    """
    return _done(COMMANDS["evaluate"], {"labels": run, "truth": truth, **settings})


def methods(verb: str = "label") -> list[str]:
    """The methods that ``label`` or ``fit`` has."""
    return list(methods_of(verb))


def settings_of(verb: str, method: str | None = None) -> dict[str, str]:
    """The settings of a command with what each is, as ``--help`` says it.

    Args:
        verb: ``label``, ``fit`` or ``evaluate``.
        method: of label and fit.

    Raises:
        InputError: no such verb or method.
    """
    alone = method is None and verb in COMMANDS
    kind = (COMMANDS[verb] if alone else _command(verb, method)).config
    return {name: kind.model_fields[name].description or "" for name in names_of(kind)}


def _command(verb: str, method: str | None) -> Command:
    there = methods(verb)
    if method not in there:
        meant = did_you_mean(str(method), there)
        raise InputError(f"{verb}: no method {method!r}{meant}; there are {', '.join(there)}")
    return COMMANDS[f"{verb} {method}"]


def _done(command: Command, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run a command with keyword arguments; returns what its ``--json`` prints."""
    from actors.s3_settings import use_s3
    from ray_jobs.failures import wrong_input

    with keyword_settings(command.config, command.name, given) as config:
        use_s3(config.s3)
        try:
            return command.run(config)
        except OnomaError:
            raise
        except Exception as error:
            # what a stage found wrong with what was given comes wrapped in Ray's own errors
            sentence = wrong_input(error)
            if sentence is None:
                raise
            raise InputError(sentence) from error
