"""Texts about classes in a file: what stands for a class in place of its name in templates.

An object from classes to lists of texts, as CuPL publishes what an LLM wrote of ImageNet's classes
(Pratt et al., "What does a platypus look like?", arXiv 2209.03320): a class's row of the matrix is
the mean of the unit features of its texts, made unit again (section 3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from methods.class_matching import normalise
from methods.class_names import ClassNames
from methods.errors import InputError
from methods.json_text import json_text


def parse_class_texts(text: str, classes: ClassNames, where: str) -> tuple[tuple[str, ...], ...]:
    """Read the texts of each class, in the order of the classes.

    Classes are found by id, by spoken name, or by another name, first as they are written, then
    whatever their case and punctuation. What the file has of other classes is not used.

    Raises:
        InputError: it is no such object, a class has no text, or two of its entries are one class.
    """
    said = _object(text, where)
    forms: dict[str, list[str]] = {}
    for key in said:
        forms.setdefault(normalise(key), []).append(key)
    found = []
    for at, id_ in enumerate(classes.ids):
        words = (id_, classes.names[at], *classes.others[at])
        keys = [word for word in words if word in said][:1]
        keys = keys or next((forms[f] for w in words if (f := normalise(w)) in forms), [])
        if len(keys) > 1:
            raise InputError(f"{where}: {keys[0]!r} and {keys[1]!r} may both be the class {id_!r}")
        if not keys:
            raise InputError(f"{where}: no texts of the class {id_!r}; give some, or leave it out")
        found.append(said[keys[0]])
    return tuple(found)


def write_class_texts(texts: Mapping[str, Sequence[str]]) -> str:
    """The texts of each class, by id, as `parse_class_texts` reads them."""
    return json_text({key: list(own) for key, own in texts.items()}, indent=1)


def _object(text: str, where: str) -> dict[str, tuple[str, ...]]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise InputError(f"{where} is no JSON ({error})") from error
    if not isinstance(said, dict):
        raise InputError(
            f'{where} is no object of lists: {{"house sparrow": ["A small ...", ...]}}'
        )
    found = {}
    for key, own in said.items():
        own = [own] if isinstance(own, str) else own
        if not isinstance(own, list) or not all(isinstance(each, str) for each in own):
            raise InputError(f"{where}: what is said of {key!r} is no list of texts")
        texts = tuple(line for each in own if (line := " ".join(each.split())))
        if not texts:
            raise InputError(f"{where}: nothing is said of {key!r}; leave it out, or write a text")
        found[key] = texts
    return found
