"""Onoma from Python: name the images of archives that nobody has labelled.

    import onoma

    run = onoma.label("photos", classes=["cat", "dog"], clip="ViT-L-14/openai", out="runs/photos")
    run.labels().to_pandas()

    classifier = onoma.Classifier.load(run)
    labels, scores = classifier(["bird.jpg"])

`label`, `fit` and `evaluate` do what the commands of the same names do, with the flags as keyword
arguments (``--clip-batch 64`` is ``clip_batch=64``). `onoma.stages` holds classes for one's own
pipeline of Ray Data, `onoma.client` a client of the endpoint which needs neither torch nor Ray.
Whatever goes wrong is an `OnomaError`; docs/python.md shows all of it.

Names are imported when they are first used: ``import onoma`` by itself is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from onoma.packages import use_ours

use_ours()

if TYPE_CHECKING:
    from methods.errors import InputError as InputError
    from methods.errors import LedgerError as LedgerError
    from methods.errors import OnomaError as OnomaError
    from onoma import client as client
    from onoma import stages as stages
    from onoma.classifier import Classifier as Classifier
    from onoma.jobs import evaluate as evaluate
    from onoma.jobs import fit as fit
    from onoma.jobs import label as label
    from onoma.jobs import methods as methods
    from onoma.jobs import settings_of as settings_of
    from onoma.keywords import UnknownSettingError as UnknownSettingError
    from onoma.keywords import WrongSettingError as WrongSettingError
    from onoma.results import Fit as Fit
    from onoma.results import Run as Run

_HOMES = {
    "onoma.jobs": "evaluate fit label methods settings_of",
    "onoma.results": "Fit Run",
    "onoma.classifier": "Classifier",
    "onoma.keywords": "UnknownSettingError WrongSettingError",
    "methods.errors": "InputError LedgerError OnomaError",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = ("client", "stages")

__all__ = [
    "Classifier",
    "Fit",
    "InputError",
    "LedgerError",
    "OnomaError",
    "Run",
    "UnknownSettingError",
    "WrongSettingError",
    "client",
    "evaluate",
    "fit",
    "label",
    "methods",
    "settings_of",
    "stages",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"onoma.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("onoma")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'onoma' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
