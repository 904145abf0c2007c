"""How a replica runs CLIP: everything it takes to load one model, in one picklable object."""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.clip.encoder import ClipEncoder, Precision
from actors.clip.model import ClipModel


@dataclass(frozen=True)
class ClipRuntime:
    """One CLIP model, and how it is run.

    Attributes:
        model: as resolved by `actors.clip.model.resolve_clip`.
        precision: ``auto`` is bf16 on a GPU and fp32 on a CPU.
        device: a torch device; None for the first GPU visible, else the CPU.
        threads: CPU threads; None for torch's own choice.
    """

    model: ClipModel
    precision: Precision = "auto"
    device: str | None = None
    threads: int | None = None

    def load(self) -> ClipEncoder:
        """Load the model; takes seconds.

        Raises:
            InputError: the weights do not fit the architecture or cannot be read.
        """
        return ClipEncoder(
            self.model, precision=self.precision, device=self.device, threads=self.threads
        )

    def in_single_precision(self) -> ClipRuntime:
        """The same in fp32: for gradients, and for features that others are trained on."""
        return replace(self, precision="fp32")
