"""The methods, one row each: all that command line, console, report and demo know of them.

Rows hold names of modules, not the modules: a verb imports only the method that it runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from ray_jobs.pipelines.base import LabelMethod


@dataclass(frozen=True)
class Method:
    """One row of the registry.

    Attributes:
        name: of the method.
        does: in one sentence, for help and tables.
        per_image: what labelling asks of models for every image.
        label: ``module:NAME`` of its `LabelMethod`; empty where its classifier labels.
        label_settings: ``module:Class`` of the settings of ``onoma label NAME``.
        fit: ``module:function`` that learns; empty where nothing is learned.
        fit_settings: ``module:Class`` of the settings of ``onoma fit NAME``.
        takes_fit: setting of ``onoma label`` that takes the folder of a fit.
        discovers_names: whether its names may be spelled unlike a truth's.
        demo: settings of the fit in the demo, of labelling where nothing is learned before; None
            where the demo leaves the method out.
        demo_archive: what the demo draws for it, ``birds`` or ``scenes``.
        reconstructs: the paper, where no code is public and its text does not say enough, so that
            this is a reconstruction.
    """

    name: str
    does: str
    per_image: str
    label: str = ""
    label_settings: str = ""
    fit: str = ""
    fit_settings: str = ""
    takes_fit: str = ""
    discovers_names: bool = False
    demo: Mapping[str, Any] | None = field(default=None)
    demo_archive: Literal["birds", "scenes"] = "birds"
    reconstructs: str = ""


_P, _C = "ray_jobs.pipelines", "ray_jobs.config"

LABEL_WITH_CLASSIFIER: Final = f"{_C}:LabelClassifierConfig"
"""Settings of ``onoma label --classifier``, which labels for methods that learn a classifier."""

METHODS: Final = (
    Method(
        name="zero_shot",
        does="CLIP compares the image with the class names in prompt templates",
        per_image="CLIP image",
        label=f"{_P}.zero_shot:METHOD",
        label_settings=f"{_C}:LabelZeroShotConfig",
        fit=f"{_P}.zero_shot:fit",
        fit_settings=f"{_C}:FitZeroShotConfig",
        demo={},
    ),
    Method(
        name="slac",
        does="an MLLM says what is there, CLIP's text encoder finds the closest name",
        per_image="1 MLLM answer",
        label=f"{_P}.slac_tlac:SLAC",
        label_settings=f"{_C}:LabelSlacConfig",
        demo={},
    ),
    Method(
        name="tlac",
        does="as slac, and the MLLM then chooses from the class list (arXiv 2503.12206)",
        per_image="1 MLLM answer, and 1 for each distinct description",
        label=f"{_P}.slac_tlac:TLAC",
        label_settings=f"{_C}:LabelTlacConfig",
        demo={},
    ),
    Method(
        name="autosep",
        does="an MLLM describes the image with a prompt learned from unlabelled images, then "
        "chooses from the class list (arXiv 2506.03195)",
        per_image="2 MLLM answers",
        label=f"{_P}.autosep.labelling:LABEL_AUTOSEP",
        label_settings=f"{_C}:LabelAutosepConfig",
        fit=f"{_P}.autosep.fitting:fit",
        fit_settings=f"{_C}:FitAutosepConfig",
        takes_fit="prompt",
        # two rounds are enough for what the field guide's model can be asked for
        demo={"sample": 40, "rounds": 2, "improvements": ["all"], "category": "bird"},
    ),
    Method(
        name="near",
        does="an MLLM names a sample of the images, nobody gives a list of names, and CLIP learns "
        "those names from labels that are refined all the while (arXiv 2505.01064, reconstructed)",
        per_image="CLIP image",
        fit=f"{_P}.near.fitting:fit",
        fit_settings=f"{_C}:FitNearConfig",
        takes_fit="classifier",
        discovers_names=True,
        demo={"sample": 200, "epochs": 30, "category": "bird", "unit": "species"},
        reconstructs="arXiv 2505.01064",
    ),
    Method(
        name="what_do_you_see",
        does="CLIP features of the image, of an MLLM's description and of its guess are added up "
        "and compared with classes made of names and an LLM's descriptions (arXiv 2405.15668)",
        per_image="2 MLLM answers, CLIP image, 2 CLIP texts",
        label=f"{_P}.what_do_you_see.labelling:WHAT_DO_YOU_SEE",
        label_settings=f"{_C}:LabelWhatDoYouSeeConfig",
        fit=f"{_P}.what_do_you_see.fitting:fit",
        fit_settings=f"{_C}:FitWhatDoYouSeeConfig",
        # of each class, in place of the paper's 50: half a minute less
        demo={"class_answers": 15},
    ),
    Method(
        name="data_free",
        does="several labels an image: an LLM writes about the class names, its sentences stand in "
        "for images, and prompts that related classes share are trained on CLIP's features of "
        "them (arXiv 2403.01209, reconstructed)",
        per_image="CLIP image, whole and dense",
        fit=f"{_P}.data_free.fitting:fit",
        fit_settings=f"{_C}:FitDataFreeConfig",
        takes_fit="classifier",
        # few sentences are enough for sixteen categories
        demo={"images": None, "sets_per_class": 2, "descriptions": 1, "use_templates": False},
        demo_archive="scenes",
        reconstructs="arXiv 2403.01209",
    ),
    Method(
        name="cascade",
        does="an MLLM chooses among CLIP's best classes for as many images as a budget allows, and "
        "its answers teach CLIP about the others",
        per_image="CLIP image, and 1 MLLM answer for those within the budget",
        label=f"{_P}.cascade.labelling:CASCADE",
        label_settings=f"{_C}:LabelCascadeConfig",
    ),
    Method(
        name="mllm_names",
        does="an MLLM names every image, what near is measured by",
        per_image="1 MLLM answer",
        label=f"{_P}.open_vocabulary:METHOD",
        label_settings=f"{_C}:LabelMllmNamesConfig",
        discovers_names=True,
    ),
    Method(
        name="clusters",
        does="k-means on CLIP's features, clusters with numbers, or named by the class that an "
        "MLLM gives to most of a few images of each: a baseline",
        per_image="CLIP image",
        label=f"{_P}.clusters:METHOD",
        label_settings=f"{_C}:LabelClustersConfig",
        discovers_names=True,
    ),
    Method(
        name="cased",
        does="words of the captions nearest to the image compete for it, and nobody gives a list "
        "of names: a baseline (CaSED, arXiv 2306.00917)",
        per_image="CLIP image",
        label=f"{_P}.cased:METHOD",
        label_settings=f"{_C}:LabelCasedConfig",
        discovers_names=True,
    ),
    Method(
        name="finer",
        does="an MLLM describes a sample by attributes and guesses names from them, CLIP lets the "
        "images vote for some, nobody gives a list of names: a baseline (FineR, arXiv 2401.13837)",
        per_image="CLIP image",
        fit=f"{_P}.near.finer:fit",
        fit_settings=f"{_C}:FitFinerConfig",
        takes_fit="classifier",
        discovers_names=True,
    ),
    Method(
        name="classifier",
        does="a classifier made by fit, or that of an earlier run",
        per_image="CLIP image",
        label=f"{_P}.classifier:METHOD",
        label_settings=LABEL_WITH_CLASSIFIER,
    ),
)


def load(target: str) -> Any:
    """Return what ``module:name`` names."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def find(name: str) -> Method | None:
    """The method of a name; None for a name that is none."""
    return next((method for method in METHODS if method.name == name), None)


def label_method(name: str) -> LabelMethod[Any]:
    """The `LabelMethod` of a name.

    Raises:
        KeyError: there is none.
    """
    method = find(name)
    if method is None or not method.label:
        raise KeyError(name)
    loaded: LabelMethod[Any] = load(method.label)
    return loaded


def label_method_of_run(record: Mapping[str, Any]) -> LabelMethod[Any] | None:
    """The method that labelled a run, by its ``run.json``; None if it is unknown."""
    name = record.get("labelled_by") or record.get("method")
    method = find(str(name))
    return load(method.label) if method and method.label else None


def reconstruction_note(*names: str) -> str:
    """What to say beside figures of methods that are reconstructions; empty where none is one."""
    found = [method for method in map(find, names) if method and method.reconstructs]
    said = [f"{each.name} is a reconstruction of {each.reconstructs}" for each in found]
    return f"{', '.join(said)}: no code is public; see docs/methods" if said else ""


def discovers_names(record: Mapping[str, Any]) -> bool:
    """Whether a run found its names itself, so that they may be spelled unlike a truth's."""
    method = find(str(record.get("method")))
    return method is not None and method.discovers_names
