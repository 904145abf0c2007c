"""The endpoint: a Ray Serve application that labels images with the classifiers jobs end in."""

import os

# Ray reads this when it is imported, which any module below may do: under `uv run` every replica
# would otherwise be started through uv, and build its own environment.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
