"""The line of the registry (`ray_jobs.pipelines.registry.METHODS`)."""

from ray_jobs.pipelines.registry import Method

ROW = Method(
    name="direct",
    does="an MLLM is asked for the class at once",
    per_image="1 MLLM answer",
    label="examples.direct.pipeline:DIRECT",
    label_settings="examples.direct.settings:LabelDirectConfig",
)
