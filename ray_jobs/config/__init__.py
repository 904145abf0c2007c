"""Typed configuration: one pydantic class per verb and method, and nothing beside it."""

from ray_jobs.config.autosep import DescribingConfig, FitAutosepConfig, LabelAutosepConfig
from ray_jobs.config.commands import (
    DemoConfig,
    DoctorConfig,
    DrawConfig,
    EvaluateConfig,
    FitWhatDoYouSeeConfig,
    FitZeroShotConfig,
    LabelClassifierConfig,
    LabelSlacConfig,
    LabelTlacConfig,
    LabelWhatDoYouSeeConfig,
    LabelZeroShotConfig,
    ManifestConfig,
    RecogniseConfig,
    ReportConfig,
)
from ray_jobs.config.data_free import FitDataFreeConfig
from ray_jobs.config.naming import FitNearConfig, LabelMllmNamesConfig, NamingConfig
from ray_jobs.config.parsing import VerbConfig, method_of, parse, program_name, yaml_method
from ray_jobs.config.planning import PlanConfig, plan_of
from ray_jobs.config.serving import ServeConfig
from ray_jobs.config.shared import (
    ArchiveConfig,
    AskingConfig,
    AskingImagesConfig,
    ClassTextsConfig,
    ClipConfig,
    MllmConfig,
)
from ray_jobs.config.submitting import SubmitConfig

__all__ = [
    "ArchiveConfig",
    "AskingConfig",
    "AskingImagesConfig",
    "ClassTextsConfig",
    "ClipConfig",
    "DemoConfig",
    "DescribingConfig",
    "DoctorConfig",
    "DrawConfig",
    "EvaluateConfig",
    "FitAutosepConfig",
    "FitDataFreeConfig",
    "FitNearConfig",
    "FitWhatDoYouSeeConfig",
    "FitZeroShotConfig",
    "LabelAutosepConfig",
    "LabelClassifierConfig",
    "LabelMllmNamesConfig",
    "LabelSlacConfig",
    "LabelTlacConfig",
    "LabelWhatDoYouSeeConfig",
    "LabelZeroShotConfig",
    "ManifestConfig",
    "MllmConfig",
    "NamingConfig",
    "PlanConfig",
    "RecogniseConfig",
    "ReportConfig",
    "ServeConfig",
    "SubmitConfig",
    "VerbConfig",
    "method_of",
    "parse",
    "plan_of",
    "program_name",
    "yaml_method",
]
