"""``onoma review RUN``: a person confirms or corrects a sample, and learns how good labels are."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from actors import storage
from methods.errors import InputError
from ray_jobs.config import ReviewConfig
from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reviewed import FILE
from ray_jobs.verbs.review.importing import import_answers
from ray_jobs.verbs.review.sample import ReviewSample, draw_sample
from ray_jobs.verbs.review.session import ReviewSession

logger = logging.getLogger(f"onoma.{__name__}")


def run(config: ReviewConfig) -> dict[str, Any]:
    """Open the page until it is stopped, or import answers; returns the figures.

    Raises:
        InputError: the run cannot be reviewed, or the review file is not of this run.
    """
    if config.status and config.import_file:
        raise InputError("--status reads and --import adds; give one of them")
    reader = RunReader(config.run)
    file = _file(config, reader)
    sample = draw_sample(reader, _seed(config, file))
    _check_begun(sample, file)
    if config.import_file:
        session = ReviewSession(sample, file, config.reviewer)  # the file must be of this run
        imported = import_answers(session, config.import_file, config.reviewer)
        _begin(sample, file)
        return {**session.figures(), **imported}
    session = ReviewSession(sample, file, config.reviewer, config.overlap)
    if not config.status:
        _begin(sample, file)
        _serve(session, config.port)
    return session.figures()


def _file(config: ReviewConfig, reader: RunReader) -> str:
    file = config.reviewed
    if file is None:
        file = storage.join(reader.uri, FILE)
        if not storage.is_local(file):
            raise InputError(
                f"{config.run} is not on this machine, where answers can be added to a file; give "
                "--reviewed FILE.csv"
            )
    if not storage.is_local(file):
        raise InputError(f"--reviewed {file}: answers are added to a file of this machine")
    path = storage.local_path(file)
    if os.path.isdir(path):
        raise InputError(f"--reviewed {file} is a folder; give a CSV file")
    if not os.path.isdir(os.path.dirname(path)):
        raise InputError(f"--reviewed {file}: there is no folder {os.path.dirname(path)}")
    return path


def _record(file: str) -> str:
    return f"{file.removesuffix('.csv')}.json"


def _begun(file: str) -> dict[str, Any] | None:
    wrong = f"{_record(file)} is not what a review writes beside its answers"
    try:
        with open(_record(file), encoding="utf-8") as stream:
            found = json.load(stream)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(wrong) from error
    if not isinstance(found, dict) or "seed" not in found:
        raise InputError(wrong)
    return found


def _seed(config: ReviewConfig, file: str) -> int:
    """The seed of the review: that which it was begun with."""
    begun = _begun(file)
    if begun is None:
        return config.seed
    if "seed" in config.model_fields_set and config.seed != begun["seed"]:
        raise InputError(
            f"this review was begun with --seed {begun['seed']}, and goes on with it; leave --seed "
            "out, or give --reviewed another file"
        )
    return int(begun["seed"])


def _check_begun(sample: ReviewSample, file: str) -> None:
    begun = _begun(file)
    if begun is not None and begun != _identity(sample):
        raise InputError(
            f"the labels of {sample.run.uri} are not those that {file} was begun with; give "
            "--reviewed another file"
        )


def _identity(sample: ReviewSample) -> dict[str, Any]:
    return {
        "seed": sample.seed,
        "images": sample.images,
        "errors": sample.errors,
        "strata": [int(size) for size in sample.strata.sizes],
        "first": [[str(image.image_id) for image in own[:1]] for own in sample.order],
    }


def _begin(sample: ReviewSample, file: str) -> None:
    """Remember what the review draws from, once."""
    if _begun(file) is None:
        try:
            storage.write_bytes(_record(file), json.dumps(_identity(sample), indent=1).encode())
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror}") from error


def _serve(session: ReviewSession, port: int) -> None:
    import socket

    import uvicorn

    from ray_jobs.verbs.review.server import new_token, review_app

    token = new_token()
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(f"--port {port} cannot be had: {error.strerror}") from error
        found = listening.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(review_app(session, token), log_level="warning", access_log=False)
        )
        logger.info(
            "review as %s: http://127.0.0.1:%d/%s/ (answers go to %s; Ctrl-C ends)",
            session.reviewer, found, token, session.file,
        )  # fmt: skip
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:  # uvicorn passes it on once its connections are closed
            logger.info("review ended; the same command goes on with it")
