"""Start the endpoint, keep it until it is stopped, and stop it."""

from __future__ import annotations

import queue
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from actors.classifier_store import find_classifier
from actors.compat.ray import HAPROXY, calm_serve_logs, set_environment
from methods.errors import InputError
from ray_jobs.config import ServeConfig
from ray_jobs.passes.cluster import answers
from ray_jobs.passes.session import Capacity, quiet_ray, start_ray, verbose
from ray_jobs.stopping import ENDING
from serve.catalogue import ClassifierRef, load_catalogue
from serve.deploying import deploy
from serve.settings import EndpointSettings

_LOOK_S: Final = 1.0


def serve_classifiers(config: ServeConfig) -> dict[str, Any]:
    """Serve on this machine until Ctrl-C or SIGTERM; with ``check`` compare and stop.

    SIGHUP loads the classifiers anew from their folders, while requests go on.

    Returns:
        ``url`` and ``classifiers``, and what the check found.

    Raises:
        InputError: a classifier cannot be served, the port is taken, or too few GPUs are there.
        DeployError: the endpoint does not start.
    """
    refs = [_ref(text) for text in config.classifiers]
    catalogue = load_catalogue(refs, config.clip)
    _check_port(config)
    if config.haproxy:
        set_environment("haproxy", HAPROXY)
    capacity = start_ray(here=True)
    settings = _on(config, capacity)
    names = {name: loaded.version for name, loaded in catalogue.loaded.items()}
    found: dict[str, Any] = {"url": _url(config), "classifiers": names}
    try:
        with nullcontext() if verbose() else calm_serve_logs():
            _start(config)
            deploy(settings, refs)
            if config.check:
                from ray_jobs.verbs.serve.checking import check

                checked = check(config, catalogue, found["url"])
                passed = all(each["agree"] == each["images"] for each in checked.values())
                return {**found, "check": checked, "passed": passed}
            _until_stopped(found, settings, refs)
            return found
    finally:
        _stop()


def _on(config: ServeConfig, capacity: Capacity) -> EndpointSettings:
    """The application's settings on this machine.

    Raises:
        InputError: more GPUs are asked for than there are.
    """
    settings = config.endpoint()
    if settings.gpus is None:
        settings.gpus = 1.0 if capacity.gpus else 0.0
    if settings.gpus * settings.replicas > capacity.gpus:
        raise InputError(
            f"--gpus {settings.gpus:g} for each of {settings.replicas} replicas: this machine has "
            f"{capacity.gpus}"
        )
    return settings


def _ref(text: str) -> ClassifierRef:
    """``NAME=FOLDER``, or a folder: of a classifier, or of a run that holds one."""
    name, equals, folder = text.partition("=")
    if not equals or "/" in name:
        name, folder = "", text
    folder = find_classifier(folder)
    if not name:
        parts = [part for part in folder.split("/") if part]
        # RUN/classifier is known by the run's name
        name = parts[-2] if parts[-1] == "classifier" and len(parts) > 1 else parts[-1]
    return ClassifierRef(name=name, folder=folder)


def _check_port(config: ServeConfig) -> None:
    """Serve waits long and says little when its port is taken.

    Raises:
        InputError: the port or address cannot be listened on.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise InputError(
                f"--host {config.host} --port {config.port}: {error.strerror or error}; "
                "give another one"
            ) from error


def _url(config: ServeConfig) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)
    return f"http://{host}:{config.port}"


def _start(config: ServeConfig) -> None:
    from ray import serve
    from ray.serve.config import HTTPOptions

    serve.start(http_options=HTTPOptions(host=config.host, port=config.port))


def _until_stopped(
    found: dict[str, Any], settings: EndpointSettings, refs: list[ClassifierRef]
) -> None:
    names = ", ".join(f"{name} ({version})" for name, version in found["classifiers"].items())
    _say(f"{names} at {found['url']}; Ctrl-C stops")
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    generation = 0
    with ENDING.left_to_others(), _signals(asked):
        while asked.get() == signal.SIGHUP:
            generation += 1
            deploy(settings, refs, generation=generation)
            _say("classifiers loaded anew")
    _say("stopping when what is under way is answered")


def _say(text: str) -> None:
    print(f"onoma: {text}", file=sys.stderr, flush=True)


@contextmanager
def _signals(asked: queue.SimpleQueue[int]) -> Iterator[None]:
    """Ctrl-C and SIGTERM are how an endpoint ends, SIGHUP how it reads its files again."""
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {kind: signal.signal(kind, lambda kind, _: asked.put(kind)) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _stop() -> None:
    """Answer what is under way and stop; at once where Ray has been told to end as well.

    Serve waits half a minute for replicas of a Ray that is not there any more, as after a signal to
    a whole process group: longer than schedulers wait.
    """
    import ray
    from ray import serve

    address = ray.get_runtime_context().gcs_address
    stopping = threading.Thread(target=serve.shutdown, daemon=True)
    with quiet_ray():  # Ray tells of every actor that it ends
        stopping.start()
        while stopping.is_alive() and answers(address, _LOOK_S):
            stopping.join(_LOOK_S)
