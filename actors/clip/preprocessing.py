"""What open_clip's ``preprocess_cfg`` says, in all forms in which it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from actors.images.decode import Preprocessing
from methods.errors import InputError

_CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
_MODES: Final = ("shortest", "longest", "squash")
_FILTERS: Final = ("bicubic", "bilinear", "random")
Channels = tuple[float, float, float]


class Prepared(NamedTuple):
    """How images come to a model: size and resizing, then mean and deviation of each channel."""

    preprocessing: Preprocessing
    mean: Channels
    std: Channels


def read_preprocessing(
    model: Mapping[str, Any], preprocess: Mapping[str, Any] | None, what: str
) -> Prepared:
    """Read how a model wants its images.

    Args:
        model: open_clip's ``model_cfg``. The size is its image tower's: ``preprocess_cfg`` may name
            another one, which open_clip does not believe either.
        preprocess: ``preprocess_cfg``.
        what: flag and name of the model, for messages.

    Raises:
        InputError: a value that open_clip would not take.
    """
    told = {key: value for key, value in dict(preprocess or {}).items() if value is not None}
    mode, resample = told.get("resize_mode", "shortest"), told.get("interpolation", "bicubic")
    for key, value, right in (
        ("resize_mode", mode, _MODES),
        ("interpolation", resample, _FILTERS),
        ("mode", told.get("mode", "RGB"), ("RGB",)),
    ):
        if value not in right:
            raise InputError(
                f"{what}: its preprocess_cfg has {key} {value!r}; open_clip knows "
                f"{', '.join(right)}"
            )
    height, width = _size(model["vision_cfg"].get("image_size", 224), what)
    return Prepared(
        Preprocessing(
            height=height,
            width=width,
            resize_mode=mode,
            interpolation="bicubic" if resample == "random" else resample,
            fill_color=_fill(told.get("fill_color", 0), what),
        ),
        _channels("mean", told.get("mean"), _CLIP_MEAN, what),
        _channels("std", told.get("std"), _CLIP_STD, what),
    )


def _size(size: Any, what: str) -> tuple[int, int]:
    sides = [size] if isinstance(size, int | float) else size
    try:
        height, width = int(sides[0]), int(sides[-1])
    except (TypeError, ValueError, IndexError):
        height = width = 0
    if min(height, width) < 1:
        raise InputError(f"{what}: its vision_cfg has image_size {size!r}; give pixels, as in 224")
    return height, width


def _channels(key: str, value: Any, default: Channels, what: str) -> Channels:
    if not value:  # open_clip takes nothing and a plain 0 alike for its default
        return default
    values = [value] * 3 if isinstance(value, int | float) else value
    try:
        first, second, third = (float(each) for each in values)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{what}: its preprocess_cfg has {key} {value!r}; give one number, or one a channel"
        ) from error
    if key == "std" and min(first, second, third) <= 0:
        raise InputError(f"{what}: its preprocess_cfg has std {value!r}; it must be above 0")
    return first, second, third


def _fill(value: Any, what: str) -> int | tuple[int, int, int]:
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, Sequence) and len(value) in (1, 3):
        levels = [int(level) for level in value]
        if len(set(levels)) == 1:
            return levels[0]
        return levels[0], levels[1], levels[2]
    raise InputError(
        f"{what}: its preprocess_cfg has fill_color {value!r}; give one level, or one a channel"
    )
