"""What runs on the cluster: one job per verb and method."""

import os

# Ray reads these when it is imported, which any module below may do. Under `uv run` every worker
# would otherwise be started through uv, and build its own environment.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
# and what it holds back to say once it would say after a command's last line
os.environ.setdefault("RAY_DEDUP_LOGS", "0")
