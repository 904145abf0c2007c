"""The endpoint: a Ray Serve application that labels images with the classifiers jobs end in."""

from actors.compat.ray import set_environment

set_environment("import")  # Ray is not imported yet; any module below may do so
