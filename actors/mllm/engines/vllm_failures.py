"""Why vLLM did not start, in one sentence, and which flag helps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from actors.mllm.model import MllmModel
from actors.mllm.vllm_installed import HOW_TO_INSTALL
from methods.errors import EngineStartError

_MEMORY: Final = (
    "give a smaller --mllm-max-model-len or --mllm-max-num-seqs, more GPUs for a replica "
    "(--mllm-tensor-parallel-size), or a smaller model; on a CPU --mllm-engine "
    "kv_cache_memory_bytes=BYTES is the cache, 1 GiB unless given"
)


@dataclass(frozen=True)
class Cause:
    """A kind of failure.

    Attributes:
        pattern: found in what was said, in lower case.
        advice: what to do; ``{package}`` is the package that is missing.
        passing: whether it may have gone when the engine is started again.
    """

    pattern: str
    advice: str
    passing: bool = False


_CAUSES: Final = (
    Cause(
        r"free memory on device.{0,80} is less than",
        "another process has the memory: wait for it or end it, or give a smaller "
        "--mllm-gpu-memory-utilization",
        passing=True,
    ),
    Cause(
        r"larger than the maximum number of tokens|user-specified max_model_len"
        r"|greater than the derived max_model_len|decreas\w+ `?max_model_len|max seq len",
        "give a smaller --mllm-max-model-len, or auto",
    ),
    Cause(
        r"out of memory|outofmemory|kv cache|no available memory|cannot allocate memory|bad_alloc"
        r"|can't allocate memory|killed by signal 9|memoryerror",
        _MEMORY,
    ),
    Cause(
        r"gated repo|access to model .{0,200} is restricted|awaiting a review|\b401\b|\b403\b"
        r"|must be authenticated",
        "accept its terms on the hub, and set HF_TOKEN where the replicas run",
    ),
    Cause(
        r"custom code|trust_remote_code|trust-remote-code",
        "if you trust the code that comes with it: --mllm-engine trust_remote_code=true",
    ),
    Cause(
        r"no module named|pip install|packages? .{0,80}(is|are) required|requires .{0,40}package"
        r"|were not found in your environment|needs to be installed",
        "install {package} where the replicas run: uv pip install {package}",
    ),
    Cause(
        r"chat template|chat_template|templateerror|jinja",
        "give a model that was tuned to chat and has a chat template; --mllm-chat gives a template "
        "its settings",
    ),
    Cause(r"only supported on gpus with compute capability", "give --mllm-engine dtype=half"),
    Cause(
        r"unexpected keyword argument",
        "--mllm-engine takes engine arguments of vLLM by their names in Python",
    ),
    Cause(r"reasoning parser", "give --mllm-engine reasoning_parser=NAME one that vLLM has"),
    Cause(r"no space left on device", "make room where the model is downloaded to (HF_HOME)"),
    Cause(r"architecture|not supported", "give a model that vLLM serves"),
)
_UNKNOWN: Final = Cause("", "onoma doctor says what is ready here")

_WRAPPERS: Final = re.compile(
    r"engine core initialization failed|initialization failed due to|enginecore failed"
    r"|see (the )?(root cause|stack trace)|worker ?proc .*failed",
    re.IGNORECASE,
)
_PREFIX: Final = re.compile(r"^\(\w+ pid=\d+\)\s*(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\]\s?)?")
_RAISED: Final = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Exit|Interrupt)|Exception): ?(.*)$"
)
_PACKAGES: Final = (
    r"no module named ['\"]([\w-]+)",
    r"pip install (?:-\S+ )*[`'\"]?([\w-]+)",
    r"package `?([\w-]+)`? is required",
    r"not found in your environment: ([\w-]+)",
    r"requires (?:the )?`?([\w-]+)`? package",
)


def start_error(model: MllmModel, error: BaseException, log: str = "") -> EngineStartError:
    """What a failed start means.

    Args:
        model: that did not start.
        error: what vLLM, or its import, raised here.
        log: what the processes of the engine said meanwhile.
    """
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "vllm":
        return EngineStartError(f"vLLM cannot be imported ({error}): {HOW_TO_INSTALL}")
    said = list(_reasons(error, log))
    known = [each for each in said if _cause(each) is not _UNKNOWN]
    reason = (known or said)[-1]
    cause = _cause(reason)
    advice = cause.advice.format(package=_package(f"{reason}\n{error}\n{log}"))
    return EngineStartError(
        f"--mllm {model.name}: vLLM did not start: {_sentence(reason, cause)}; {advice}",
        cause.passing,
    )


def _reasons(error: BaseException, log: str) -> Iterator[str]:
    """Reasons that were given, those that say most last: of this process, then of the engine's."""
    text = str(error).strip()
    own = f"{type(error).__name__}: {text}"
    yield own
    if not _WRAPPERS.search(text):
        return
    if killed := re.search(r"'(\w+)': -(\d+)", text):
        yield f"its process {killed[1]} was killed by signal {killed[2]}"
    lines = [_PREFIX.sub("", line).rstrip() for line in log.splitlines()]
    for number, line in enumerate(lines):
        raised = _RAISED.match(line)
        if raised and not _WRAPPERS.search(line):
            more = lines[number + 1 : number + 3] if "validation error" in line else []
            yield "\n".join([f"{raised[1]}: {raised[2]}", *more])


def _cause(reason: str) -> Cause:
    low = " ".join(reason.lower().split())
    return next((each for each in _CAUSES if re.search(each.pattern, low)), _UNKNOWN)


def _package(text: str) -> str:
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in _PACKAGES)
    return next((each[1] for each in found if each), "the package that it names")


def _sentence(reason: str, cause: Cause) -> str:
    """The line of a reason that shows its cause; with the error's kind where it says too little."""
    kind, _, rest = reason.partition(": ")
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    if len(lines) > 1 and "validation error" in lines[0]:  # pydantic's: a head, the reason, a link
        text = lines[-1] if len(lines) == 2 else _reason_of_pydantic(lines)
        text = text.removeprefix("Value error, ").partition(" [type=")[0]
    else:
        telling = [line for line in lines if cause is not _UNKNOWN and _cause(line) is cause]
        text = (telling or lines or [""])[0 if telling else -1]
    if (worker := text.removeprefix("Worker failed with error ")) != text:
        text = worker.strip("'\"")
    text = text.partition(". ")[0][:300]  # what follows lists every architecture there is
    plain = kind in ("ValueError", "RuntimeError", "OSError", "Exception", "ValidationError")
    if not kind.isidentifier():
        return reason
    return text if plain and " " in text else f"{kind}: {text}" if text else kind


def _reason_of_pydantic(lines: list[str]) -> str:
    return next((line for line in lines if line.startswith("Value error, ")), lines[1])
