"""The way of a batch to the device and back, so that several batches can be under way.

The one place that knows what CUDA adds to torch: page-locked memory, copies that nobody waits for,
streams. On a CPU the same calls copy nothing and wait for nothing.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

IN_FLIGHT: Final = 2
"""Batches that a replica on a GPU has under way: one computes, the other travels."""


class Slot:
    """What one batch under way holds: on a GPU a stream, on which all of its work is in order."""

    def __init__(self, device: torch.device) -> None:
        """Make the stream; it begins after what the device was given before."""
        import torch

        self._device = device
        self.stream: Any = None
        if device.type == "cuda":
            self.stream = torch.cuda.Stream(device)
            self.stream.wait_stream(torch.cuda.default_stream(device))

    def put(self, array: NDArray[Any] | torch.Tensor) -> torch.Tensor:
        """Send an array or a tensor of the CPU to the device; on a GPU nobody waits for the copy.

        Args:
            array: any shape and dtype; on a CPU the tensor shares its memory where it can.
        """
        import torch

        if isinstance(array, np.ndarray):
            array = torch.from_numpy(np.require(array, requirements=["C", "W"]))
        if self.stream is None:
            return array.to(self._device)
        # torch keeps page-locked blocks, and gives one away again when its copy has ended
        return array.pin_memory().to(self._device, non_blocking=True)

    def take(self, *tensors: torch.Tensor) -> tuple[NDArray[Any], ...]:
        """Bring results back; waits for them, and for nothing of other batches."""
        import torch

        if self.stream is None:
            return tuple(tensor.cpu().numpy() for tensor in tensors)
        here = [torch.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in tensors]
        for target, tensor in zip(here, tensors, strict=True):
            target.copy_(tensor, non_blocking=True)
        self.stream.synchronize()
        return tuple(target.numpy() for target in here)


class Lane:
    """Slots of one device: as many batches are under way as there are slots, others wait.

    Threads that use it each have a batch of their own from its first byte to its last number, so
    what comes back, or is raised, is always of the batch of the thread that asked.
    """

    def __init__(self, device: torch.device, slots: int | None = None) -> None:
        """Make the slots, once the model is on the device.

        Args:
            device: of the model.
            slots: `IN_FLIGHT` on a GPU, one elsewhere by default: a CPU computes in all threads as
                it is.
        """
        count = slots or (IN_FLIGHT if device.type == "cuda" else 1)
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(Slot(device))

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Hold a slot, in torch's inference mode and on its stream; not to be taken twice."""
        import torch

        slot = self._free.get()
        try:
            on = nullcontext() if slot.stream is None else torch.cuda.stream(slot.stream)
            with torch.inference_mode(), on:
                yield slot
        finally:
            self._free.put(slot)
