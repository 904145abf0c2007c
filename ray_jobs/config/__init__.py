"""Typed configuration: one pydantic class per verb and method, and nothing beside it."""

from ray_jobs.config.commands import (
    DemoConfig,
    DoctorConfig,
    DrawConfig,
    EvaluateConfig,
    FitZeroShotConfig,
    LabelClassifierConfig,
    LabelConfig,
    LabelSlacConfig,
    LabelTlacConfig,
    LabelZeroShotConfig,
    ManifestConfig,
    RecogniseConfig,
    ReportConfig,
)
from ray_jobs.config.parsing import VerbConfig, method_of, parse, program_name, yaml_method
from ray_jobs.config.shared import ClipConfig, MllmConfig, ReadingConfig

__all__ = [
    "ClipConfig",
    "DemoConfig",
    "DoctorConfig",
    "DrawConfig",
    "EvaluateConfig",
    "FitZeroShotConfig",
    "LabelClassifierConfig",
    "LabelConfig",
    "LabelSlacConfig",
    "LabelTlacConfig",
    "LabelZeroShotConfig",
    "ManifestConfig",
    "MllmConfig",
    "ReadingConfig",
    "RecogniseConfig",
    "ReportConfig",
    "VerbConfig",
    "method_of",
    "parse",
    "program_name",
    "yaml_method",
]
