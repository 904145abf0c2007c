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
    """Where a classifier is, and what it is called."""

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
        names = [place.name for place in self.classifiers]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"two classifiers are called {name}; give each a name of its own")
        return names


@dataclass(frozen=True)
class LoadedClassifier:
    """One loaded classifier; requests hold on to it, so a swap changes none that is under way."""

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
    """All classifiers of an endpoint, for one CLIP model."""

    model: ClipModel
    served: dict[str, LoadedClassifier]
    problems: list[str] = field(default_factory=list)

    @property
    def listing(self) -> ClassifierList:
        """The answer to GET /v1/classifiers."""
        return ClassifierList(
            default=next(iter(self.served)),
            classifiers=[each.info for each in self.served.values()],
            problems=self.problems,
        )


def load_catalogue(places: Sequence[ClassifierRef], clip: str | None) -> Catalogue:
    """Load all classifiers of a new endpoint.

    Raises:
        InputError: one is missing or corrupt, or made for another CLIP model than the first.
    """
    UserConfig(classifiers=list(places)).names()
    first = load_classifier(places[0].folder)
    model = clip_of(first, clip, places[0].folder)
    served = [_load(place, model, clip) for place in places]
    return Catalogue(model, {each.name: each for each in served})


def load_those_there_are(places: Sequence[ClassifierRef], clip: str | None) -> Catalogue:
    """Load what can be loaded, for a replica that starts later than the endpoint.

    A list whose changes the replicas before it did not all take must not keep it from starting.

    Raises:
        InputError: none can be loaded; says why of the first.
    """
    try:
        return load_catalogue(places, clip)
    except InputError as error:
        for at in range(len(places)):
            try:
                alone = load_catalogue([places[at]], clip)
            except InputError:
                continue
            return changed(alone, places, clip)
        raise error


def changed(catalogue: Catalogue, places: Sequence[ClassifierRef], clip: str | None) -> Catalogue:
    """Load what a new list of classifiers names.

    A classifier that cannot be loaded is told in ``problems``; the one of that name that is served
    stays. If nothing would be left, all stay.
    """
    served, problems = {}, []
    for place in places:
        try:
            served[place.name] = _load(place, catalogue.model, clip)
        except Exception as error:  # storage may raise anything, and the endpoint must go on
            problems.append(f"{place.name}: {' '.join(str(error).split())}"[:500])
            logger.error("classifier %s", problems[-1])
            if place.name in catalogue.served:
                served[place.name] = catalogue.served[place.name]
    return Catalogue(catalogue.model, served or catalogue.served, problems)


def _load(place: ClassifierRef, model: ClipModel, clip: str | None) -> LoadedClassifier:
    classifier = load_classifier(place.folder)
    if classifier.clip["fingerprint"] != model.fingerprint:
        clip_of(classifier, clip, place.folder)
        raise InputError(
            f"{place.folder} was made for the CLIP model {classifier.clip['name']}, the endpoint "
            f"runs {model.name}; serve it at an endpoint of its own"
        )
    return LoadedClassifier(
        name=place.name,
        folder=place.folder,
        version=classifier.identity[:12],
        scorer=ImageScorer(classifier),
        reference=load_reference(classifier, place.folder),
        loaded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
