"""The classifiers an endpoint serves: loaded side by side, replaced while requests go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from actors.classifier_store import clip_of, load_classifier, load_reference
from actors.clip.image_scorer import ImageScorer
from actors.clip.model import ClipModel
from methods.drift import Seen
from methods.errors import InputError
from serve.messages import Answered, ClassifierInfo, ClassifierList

logger = logging.getLogger("ray.serve")


class ClassifierRef(BaseModel):
    """A classifier to load: its name at the endpoint, and the folder that it is in."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    folder: str = Field(min_length=1)


class UserConfig(BaseModel):
    """The ``user_config`` of the deployment ``Classifiers``; change it to swap classifiers."""

    model_config = ConfigDict(extra="forbid")

    classifiers: list[ClassifierRef] = Field(min_length=1)
    generation: int = Field(0, description="another number loads them anew from where they are")

    def names(self) -> list[str]:
        """The names, in order.

        Raises:
            InputError: a name stands twice.
        """
        names = [ref.name for ref in self.classifiers]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"two classifiers are called {name}; give each a name of its own")
        return names


@dataclass(frozen=True)
class LoadedClassifier:
    """One classifier in memory; requests hold on to theirs, so a swap changes none under way."""

    name: str
    folder: str
    version: str
    scorer: ImageScorer
    reference: Seen | None
    loaded_at: str

    @property
    def answered(self) -> Answered:
        """What an answer says of its classifier."""
        classifier = self.scorer.classifier
        return Answered(
            name=self.name,
            version=self.version,
            method=classifier.method,
            multi_label=classifier.multi_label,
        )

    @property
    def info(self) -> ClassifierInfo:
        """What the list of classifiers says of it."""
        classifier = self.scorer.classifier
        return ClassifierInfo(
            **self.answered.model_dump(),
            label_count=len(classifier.labels),
            clip=str(classifier.clip["name"]),
            loaded_at=self.loaded_at,
            has_reference=self.reference is not None,
        )


@dataclass(frozen=True)
class Catalogue:
    """All classifiers of an endpoint, for one CLIP model.

    Attributes:
        model: the CLIP model.
        loaded: classifiers by name; the first is the default.
        problems: sentences about those that could not be loaded.
    """

    model: ClipModel
    loaded: dict[str, LoadedClassifier]
    problems: list[str] = field(default_factory=list)

    @property
    def listing(self) -> ClassifierList:
        """The answer to GET /v1/classifiers."""
        return ClassifierList(
            default=next(iter(self.loaded)),
            classifiers=[each.info for each in self.loaded.values()],
            problems=self.problems,
        )


def load_catalogue(refs: Sequence[ClassifierRef], clip: str | None) -> Catalogue:
    """Load all classifiers of a new endpoint.

    Raises:
        InputError: one is missing or corrupt, or made for another CLIP model than the first.
    """
    UserConfig(classifiers=list(refs)).names()
    first = load_classifier(refs[0].folder)
    model = clip_of(first, clip, refs[0].folder)
    loaded = [_load(ref, model, clip) for ref in refs]
    return Catalogue(model, {each.name: each for each in loaded})


def load_available(refs: Sequence[ClassifierRef], clip: str | None) -> Catalogue:
    """Load what can be loaded, for a replica that starts later than the endpoint.

    A list whose changes the replicas before it did not all take must not keep it from starting.

    Raises:
        InputError: none can be loaded; says why of the first.
    """
    try:
        return load_catalogue(refs, clip)
    except InputError as error:
        for at in range(len(refs)):
            try:
                alone = load_catalogue([refs[at]], clip)
            except InputError:
                continue
            return changed(alone, refs, clip)
        raise error


def changed(catalogue: Catalogue, refs: Sequence[ClassifierRef], clip: str | None) -> Catalogue:
    """Load what a new list of classifiers names.

    A classifier that cannot be loaded is told in ``problems``; the one of that name that is served
    stays. If nothing would be left, all stay.
    """
    loaded, problems = {}, []
    for ref in refs:
        try:
            loaded[ref.name] = _load(ref, catalogue.model, clip)
        except Exception as error:  # storage may raise anything, and the endpoint must go on
            problems.append(f"{ref.name}: {' '.join(str(error).split())}"[:500])
            logger.error("classifier %s", problems[-1])
            if ref.name in catalogue.loaded:
                loaded[ref.name] = catalogue.loaded[ref.name]
    return Catalogue(catalogue.model, loaded or catalogue.loaded, problems)


def _load(ref: ClassifierRef, model: ClipModel, clip: str | None) -> LoadedClassifier:
    classifier = load_classifier(ref.folder)
    if not model.is_of(classifier.clip):
        clip_of(classifier, clip, ref.folder)
        raise InputError(
            f"{ref.folder} was made for the CLIP model {classifier.clip['name']}, the endpoint "
            f"runs {model.name}; serve it at an endpoint of its own"
        )
    return LoadedClassifier(
        name=ref.name,
        folder=ref.folder,
        version=classifier.identity[:12],
        scorer=ImageScorer(classifier),
        reference=load_reference(classifier, ref.folder),
        loaded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
