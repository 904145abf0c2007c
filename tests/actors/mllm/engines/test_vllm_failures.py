"""Why vLLM did not start, in one sentence that names the flag that helps."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from actors.mllm.engines.process_log import ProcessLog
from actors.mllm.engines.vllm_failures import start_error
from actors.mllm.model import MllmModel
from methods.errors import EngineStartError

MODEL = MllmModel("some/model", "vllm", "some/model", "f")
CORE = RuntimeError(
    "Engine core initialization failed. See root cause above. Failed core proc(s): {}"
)
SMOLVLM = (
    "Package `num2words` is required to run SmolVLM processor. Install it with `pip install "
    "num2words`."
)


def core_log(raised: str) -> str:
    """What a failed process of the model leaves on its standard error."""
    head = "(EngineCore pid=41) ERROR 11-29 05:22:19 [core.py:1507] "
    lines = [
        "EngineCore failed to start.",
        "Traceback (most recent call last):",
        '  File "core.py", line 1, in run_engine_core',
        "    engine_core = EngineCoreProc(*args)",
        *raised.splitlines(),
    ]
    told = "".join(f"{head}{line}\n" for line in lines)
    return (
        "(EngineCore pid=41) WARNING 11-29 05:22:01 [cpu.py:224] Triton is not installed.\n"
        f"{told}(EngineCore pid=41) Process EngineCore:\n"
        f"(EngineCore pid=41) Traceback (most recent call last):\n(EngineCore pid=41) {raised}\n"
    )


CASES = [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
     ["OutOfMemoryError: CUDA out of memory", "--mllm-tensor-parallel-size"]),
    ("ValueError: No available memory for the cache blocks. Try increasing it.",
     ["No available memory", "--mllm-max-num-seqs"]),
    ("ValueError: To serve at least one request with the models's max seq len (131072), (14.0 GiB "
     "KV cache is needed, which is larger than the available KV cache memory (1.0 GiB). Try "
     "increasing it or decreasing `max_model_len`",
     ["max seq len (131072)", "smaller --mllm-max-model-len"]),
    ("ValueError: User-specified max_model_len (9000) is greater than the derived max_model_len "
     "(max_position_embeddings=2048).", ["max_model_len (9000)", "--mllm-max-model-len"]),
    ("ValueError: Free memory on device cuda:0 (3.1/79.2 GiB) on startup is less than desired GPU "
     "memory utilization (0.9, 71.3 GiB).", ["Free memory", "--mllm-gpu-memory-utilization"]),
    (f"ImportError: {SMOLVLM}", ["num2words", "uv pip install num2words"]),
    ("ModuleNotFoundError: No module named 'timm'", ["timm", "uv pip install timm"]),
    ("ValueError: The repository some/model contains custom code which must be executed to "
     "correctly load the model.", ["custom code", "--mllm-engine trust_remote_code=true"]),
    ("OSError: You are trying to access a gated repo.\nMake sure to have access to it",
     ["gated repo", "HF_TOKEN"]),
    ("ValueError: As of transformers v4.44, default chat template is no longer allowed, so you "
     "must provide a chat template", ["chat template", "has a chat template"]),
    ("ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0.",
     ["compute capability", "--mllm-engine dtype=half"]),
    ("TypeError: EngineArgs.__init__() got an unexpected keyword argument 'quant'",
     ["quant", "engine arguments of vLLM"]),
    ("ValueError: Model architectures ['Fooo'] are not supported for now. Supported: A, B",
     ["['Fooo'] are not supported", "that vLLM serves"]),
    ("KeyError: '\\n'", ["KeyError: '\\n'", "onoma doctor"]),
]  # fmt: skip


@pytest.mark.parametrize(("raised", "told"), CASES)
def test_the_reason_and_the_flag_are_the_same_in_this_process_and_in_another(
    raised: str, told: list[str]
) -> None:
    kind, _, text = raised.partition(": ")
    own = type(kind.rpartition(".")[2], (Exception,), {})(text)
    for error in (start_error(MODEL, own), start_error(MODEL, CORE, core_log(raised))):
        assert str(error).startswith("--mllm some/model: vLLM did not start: ")
        assert all(each in str(error) for each in told), str(error)
        assert "\n" not in str(error)
        assert error.passing == ("Free memory" in raised)


def test_validation_errors_give_their_reason() -> None:
    text = (
        "1 validation error for ModelConfig\n  Value error, The checkpoint you are trying to load "
        "has an unknown architecture. You can update. [type=value_error, input_value=1]\n    For "
        "further information visit https://errors.pydantic.dev/2/v/value_error"
    )
    for error in (
        start_error(MODEL, type("ValidationError", (Exception,), {})(text)),
        start_error(MODEL, CORE, core_log(f"pydantic_core.ValidationError: {text}")),
    ):
        assert "The checkpoint you are trying to load has an unknown architecture;" in str(error)


def test_the_cause_is_told_and_not_what_followed_from_it() -> None:
    log = core_log("torch.OutOfMemoryError: CUDA out of memory.") + core_log(
        "Exception: WorkerProc initialization failed due to an exception in a background process."
    )
    assert "OutOfMemoryError" in str(start_error(MODEL, CORE, log))
    killed = RuntimeError(f"{str(CORE)[:-2]}{{'EngineCore_0': -9}}")
    assert "EngineCore_0 was killed by signal 9" in str(start_error(MODEL, killed))
    assert "--mllm-max-model-len" in str(start_error(MODEL, killed))


def test_without_a_log_what_was_raised_is_told() -> None:
    assert "Engine core initialization failed" in str(start_error(MODEL, CORE))


def test_a_start_error_travels_with_whether_it_may_pass() -> None:
    error = pickle.loads(pickle.dumps(EngineStartError("why", passing=True)))
    assert (str(error), error.passing) == ("why", True)


def test_what_children_say_is_read_from_this_process_own_streams(tmp_path: Path) -> None:
    """In a process whose standard error is a file, as a worker's of Ray is."""
    script = (
        "import subprocess, sys\n"
        "from actors.mllm.engines.process_log import ProcessLog\n"
        "print('before', file=sys.stderr, flush=True)\n"
        "with ProcessLog() as log:\n"
        "    subprocess.run(['sh', '-c', 'echo MyError: why >&2'])\n"
        "print(log.text(), end='')\n"
    )
    with open(tmp_path / "err", "w") as err:
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=err, text=True, check=True)
    assert done.stdout == "MyError: why\n"


def test_streams_that_are_no_files_give_nothing() -> None:
    script = (
        "import sys\nfrom actors.mllm.engines.process_log import ProcessLog\n"
        "with ProcessLog() as log:\n    print('x', file=sys.stderr)\nprint(repr(log.text()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "''\n"
    assert isinstance(ProcessLog().text(), str)
