"""How CoOp, FineR and AutoSEP write class names, from what stands in files and folders."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

_FINER_FLOWERS: Final = {
    "globe-flower": "Globe-Flower",
    "colt's foot": "Colt'S Foot",
    "bishop of llandaff": "Bishop of Llandaff",
}
_FINER_DOGS: Final = {
    "Chihuahua": "Chihuaha",
    "Dandie Dinmont": "Dandi Dinmont",
    "Ibizan Hound": "Ibizian Hound",
    "Curly-coated Retriever": "Curly-coater Retriever",
    "German Shepherd": "German Shepard",
    "Wire-haired Fox Terrier": "Wirehaired Fox Terrier",
}
"""What FineR's list spells in a way of its own: sACC compares with these."""


def pet_breed(path: str) -> str:
    """The breed in the name of a pet's image: the stem without its number, blanks for ``_``."""
    stem = PurePosixPath(path).name.removesuffix(".jpg")
    return re.sub(r"_\d+$", "", stem).replace("_", " ")


def title_case(name: str) -> str:
    """A name as FineR writes it: each word with a capital; after a hyphen letters stay small."""
    return _FINER_FLOWERS.get(name) or " ".join(
        word[:1].upper() + word[1:] for word in name.split()
    )


def with_year_first(name: str) -> str:
    """A car as CoOp writes it, ``2012 Acura RL Sedan``; its owners have the year at the end."""
    rest, _, year = name.rpartition(" ")
    return f"{year} {rest}" if rest and year.isdigit() else name


def with_year_last(name: str) -> str:
    """A car as its owners write it, from how CoOp does."""
    year, _, rest = name.partition(" ")
    return f"{rest} {year}" if rest and year.isdigit() else name


def finer_car(name: str) -> str:
    """A car as FineR writes it: its owners' name, without the slash of one of them."""
    return name.replace("C/V", "CV")


def finer_bird(folder: str) -> str:
    """A bird of CUB as FineR writes it: blanks are hyphens, but for the last of them."""
    kind, _, genus = _bird(folder).rpartition("_")
    return f"{kind.replace('_', '-')} {genus}" if kind else genus


def folder_bird(folder: str) -> str:
    """A bird of CUB as its folder spells it, which is how AutoSEP does."""
    return _bird(folder).replace("_", " ")


def finer_dog(folder: str) -> str:
    """A breed of Stanford Dogs as FineR writes it: capitals, and its own spellings."""
    words = folder_dog(folder).split()
    small = {"des", "and"}
    name = " ".join(word if word in small else word[:1].upper() + word[1:] for word in words)
    return _FINER_DOGS.get(name, name)


def folder_dog(folder: str) -> str:
    """A breed as its folder spells it, ``n02085620-Chihuahua``."""
    return folder.partition("-")[2].replace("_", " ")


def scene(category: str) -> str:
    """A scene as CoOp writes it: of ``/i/ice_skating_rink/outdoor`` the parts, last one first."""
    parts = [part for part in category.split("/") if part]
    return " ".join(reversed(parts[1:] if len(parts) > 1 else parts))


def action_folder(action: str) -> str:
    """The folder of CoOp's middle frames of ``ApplyEyeMakeup``: its words, joined by ``_``."""
    return "_".join(re.findall(r"[A-Z][^A-Z]*|^[^A-Z]+", action))


def _bird(folder: str) -> str:
    return re.sub(r"^\d+\.", "", folder)
