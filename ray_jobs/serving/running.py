"""Start the endpoint, keep it until it is stopped, and stop it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from actors import storage
from methods.classifier import CONFIG_FILE
from methods.errors import InputError
from ray_jobs.config import ServeConfig
from ray_jobs.ray_context import start_ray
from serve.catalogue import Catalogue, Place, load_catalogue

logger = logging.getLogger(__name__)

_HAPROXY = "RAY_SERVE_ENABLE_HA_PROXY"


def serve_classifiers(config: ServeConfig) -> dict[str, Any]:
    """Serve until Ctrl-C or SIGTERM; with ``check`` compare and stop, with ``detach`` return.

    Returns:
        ``url`` and ``classifiers``, and what the check found.

    Raises:
        InputError: a classifier cannot be served, the port is taken, or too few GPUs are there.
    """
    places = [_place(text) for text in config.classifiers]
    catalogue = load_catalogue(places, config.clip)
    if config.detach and not os.environ.get("RAY_ADDRESS", "local").replace("local", ""):
        raise InputError("--detach leaves the endpoint in a cluster: set RAY_ADDRESS")
    if config.haproxy:
        os.environ[_HAPROXY] = "1"
    here = _own_ray()
    if here:
        _check_port(config)
    capacity = start_ray()
    settings = config.endpoint()
    if settings.gpus is None:
        settings.gpus = 1.0 if capacity.gpus else 0.0
    if settings.gpus * settings.replicas > capacity.gpus:
        raise InputError(
            f"--gpus {settings.gpus:g} of {settings.replicas} replicas: the cluster has "
            f"{capacity.gpus} GPUs"
        )
    config.gpus = settings.gpus
    url = _deploy(config, places)
    found: dict[str, Any] = {"url": url, "classifiers": _versions(catalogue)}
    if config.detach:
        return found
    try:
        if config.check:
            from ray_jobs.serving.checking import check

            checked = check(config, catalogue, url)
            passed = all(each["agree"] == each["images"] for each in checked.values())
            return {**found, "check": checked, "passed": passed}
        _wait(url, found["classifiers"])
        return {**found, "state": "stopped"}
    finally:
        _stop(here)


def _place(text: str) -> Place:
    """``NAME=FOLDER``, or a folder: of a classifier, or of a run that holds one."""
    name, equals, folder = text.partition("=")
    if not equals or "/" in name:
        name, folder = "", text
    inner = storage.join(storage.absolute(folder), "classifier")
    own = storage.join(storage.absolute(folder), CONFIG_FILE)
    if not storage.exists(own) and storage.exists(storage.join(inner, CONFIG_FILE)):
        folder = inner
    if not name:
        parts = [part for part in storage.absolute(folder).split("/") if part]
        # RUN/classifier is known by the run's name
        name = parts[-2] if parts[-1] == "classifier" and len(parts) > 1 else parts[-1]
    return Place(name=name, folder=storage.absolute(folder))


def _own_ray() -> bool:
    """Whether Ray is going to be started here."""
    import ray

    if ray.is_initialized():
        return False
    address = os.environ.get("RAY_ADDRESS")
    if address == "local":
        return True
    if address:
        return False
    from ray._private.services import find_bootstrap_address

    return find_bootstrap_address(None) is None


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


def _deploy(config: ServeConfig, places: list[Place]) -> str:
    from ray import serve
    from ray.serve.config import HTTPOptions
    from ray.serve.schema import LoggingConfig

    from serve.application import APPLICATION, application

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    serve.start(http_options=HTTPOptions(host=config.host, port=config.port))
    try:
        serve.run(
            application(config.endpoint(), places),
            name=APPLICATION,
            route_prefix="/",
            # what a request asked for is the user's: only what goes wrong is logged
            logging_config=LoggingConfig(enable_access_log=False),
        )
    except RuntimeError as error:
        status = serve.status().applications.get(APPLICATION)
        reason = (status.message if status else "") or str(error)
        _stop(True)
        raise RuntimeError(" ".join(reason.split())[-600:]) from error
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host
    return f"http://{host}:{config.port}"


def _versions(catalogue: Catalogue) -> dict[str, str]:
    return {name: served.version for name, served in catalogue.served.items()}


def _wait(url: str, classifiers: dict[str, str]) -> None:
    names = ", ".join(f"{name} ({version})" for name, version in classifiers.items())
    print(f"onoma: {names} at {url}; Ctrl-C stops", file=sys.stderr, flush=True)
    stopped = threading.Event()
    with _signals(stopped):
        while not stopped.wait(1.0):
            pass
    print("onoma: stopping when what is under way is answered", file=sys.stderr, flush=True)


@contextmanager
def _signals(stopped: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM are how an endpoint ends."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, lambda *_: stopped.set()) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _stop(here: bool) -> None:
    import ray
    from ray import serve

    from serve.application import APPLICATION

    if here:
        serve.shutdown()
        ray.shutdown()
    else:  # the cluster is somebody's, and may serve other applications
        serve.delete(APPLICATION)
