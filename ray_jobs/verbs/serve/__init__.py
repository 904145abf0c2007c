"""The verb ``serve``: the endpoint on this machine or a cluster, and the check against labels."""

from ray_jobs.verbs.serve.running import serve_classifiers

__all__ = ["serve_classifiers"]
