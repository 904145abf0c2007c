"""Classifier folders on any storage."""

from __future__ import annotations

from actors import storage
from actors.clip.model import FIELD_GUIDE, ClipModel, resolve_clip
from actors.storage.s3 import why
from methods.classifier import CONFIG_FILE, WEIGHTS_FILE, Classifier, parse_classifier
from methods.drift import REFERENCE_FILE, Seen, parse_reference
from methods.errors import InputError


def save_classifier(classifier: Classifier, folder: str) -> None:
    """Write a classifier folder, the weights first: a readable config means a whole folder."""
    files = classifier.dump()
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        storage.write_bytes(storage.join(storage.absolute(folder), name), files[name])


def find_classifier(folder: str) -> str:
    """The classifier folder that a folder is or, as that of a run, holds; absolute."""
    uri = storage.absolute(folder)
    inner = storage.join(uri, "classifier")
    if not storage.exists(storage.join(uri, CONFIG_FILE)) and storage.exists(
        storage.join(inner, CONFIG_FILE)
    ):
        return inner
    return uri


def load_classifier(folder: str) -> Classifier:
    """Read a classifier folder.

    Raises:
        InputError: one sentence on what is missing or corrupt.
    """
    uri = storage.absolute(folder)
    try:
        there = storage.exists(uri)
    except InputError:
        raise
    except Exception as error:  # botocore's errors are no OSError
        if not storage.is_s3(uri):
            raise
        reason = why(error, storage.bucket_of(uri))
        raise InputError(f"--classifier {folder}: {reason}") from error
    if not there:
        raise InputError(f"--classifier {folder}: no such folder; make one with onoma fit")
    files = {}
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        try:
            files[name] = storage.read_bytes(storage.join(uri, name))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"--classifier {folder}: {name} cannot be read ({error})") from error
    return parse_classifier(files, f"--classifier {folder}")


def save_reference(seen: Seen, classifier: Classifier, folder: str) -> None:
    """Write beside a classifier what the archive that it labelled looks like."""
    uri = storage.join(storage.absolute(folder), REFERENCE_FILE)
    storage.write_bytes(uri, seen.dump(classifier.identity))


def load_reference(classifier: Classifier, folder: str) -> Seen | None:
    """Read it; None where a classifier has labelled no archive yet.

    Raises:
        InputError: it is corrupt.
    """
    uri = storage.join(storage.absolute(folder), REFERENCE_FILE)
    if not storage.exists(uri):
        return None
    return parse_reference(storage.read_bytes(uri), folder, classifier.identity)


def clip_of(classifier: Classifier, clip: str | None, folder: str) -> ClipModel:
    """Find the CLIP model a classifier was made for, and check that it is that very model.

    Args:
        classifier: the classifier.
        clip: where the model is now; by default where it was at fit.
        folder: the classifier's name, for messages.

    Raises:
        InputError: no such model, or another one.
    """
    made_for = str(classifier.clip["name"])
    model = resolve_clip(clip or made_for)
    if model.is_of(classifier.clip):
        return model
    made_by = str(classifier.clip["fingerprint"])
    if made_by.startswith("files:") and made_by.endswith(model.weights_hash):
        raise InputError(
            f"--classifier {folder} was made by an earlier version, which did not keep which of "
            f"a folder's weights it read, so whether {model.name} is its CLIP model cannot be "
            "told; fit it again"
        )
    advice = "pass --clip with that model's folder" if not clip else f"leave --clip {clip} out"
    if made_for == FIELD_GUIDE and not clip:
        advice = "fit it again with this version"
    width = int(classifier.clip["embed_dim"])
    what = "weights" if model.weights_hash not in made_by else "preprocessing or architecture"
    raise InputError(
        f"--classifier {folder} was made for the CLIP model {made_for} ({width} wide) and the one "
        f"at hand, {model.name} ({model.embed_dim} wide), has other {what}; {advice}"
    )
