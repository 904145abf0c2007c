"""A budget: how many images a model may be asked about, as a share, in calls, or in hours."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

_FORMS: Final = "a share of the images (20%), a number of calls (5000) or GPU-hours (2h)"
_PARTS: Final = re.compile(r"(?P<amount>[+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(?P<unit>%|h?)")


@dataclass(frozen=True)
class Budget:
    """What may be spent.

    Attributes:
        unit: ``share`` in percent of the images, ``calls`` of the model, or ``hours`` of its GPUs.
        amount: of these, above 0; exact, so that no share is one image short by rounding.
    """

    unit: Literal["share", "calls", "hours"]
    amount: Fraction

    def images(self, images: int, calls_each: int = 1, in_an_hour: float | None = None) -> int:
        """How many of so many images may be asked about: never more than all of them.

        Args:
            images: of the archive.
            calls_each: calls that one image takes.
            in_an_hour: images that the model answers in an hour of its GPUs, with ``hours``.

        Raises:
            ValueError: hours without a rate.
        """
        if self.unit == "share":
            most = math.floor(images * self.amount / 100)
        elif self.unit == "calls":
            most = math.floor(self.amount / calls_each)
        elif in_an_hour is None or not math.isfinite(in_an_hour) or in_an_hour < 0:
            raise ValueError("hours are images only by a rate")
        else:
            most = math.floor(self.amount * Fraction(in_an_hour))
        return min(most, images)


def parse_budget(text: str) -> Budget:
    """Read ``20%``, ``5000`` or ``2h``.

    Raises:
        ValueError: it is none of these, or not above 0: one sentence, without the text.
    """
    found = _PARTS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"a budget is {_FORMS}")
    amount, unit = Fraction(found["amount"]), found["unit"]
    if amount <= 0:
        raise ValueError(
            f"a budget is above 0, {_FORMS}; to ask about no image is onoma label zero_shot, or "
            "label --classifier DIR"
        )
    if not unit and amount.denominator != 1:
        raise ValueError(f"a number of calls is whole; a budget is {_FORMS}")
    return Budget({"%": "share", "h": "hours"}.get(unit, "calls"), amount)  # type: ignore[arg-type]
