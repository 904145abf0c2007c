"""What runs on the cluster: one job per verb and method."""

from actors.compat.ray import set_environment

set_environment("import")  # Ray is not imported yet; any module below may do so
