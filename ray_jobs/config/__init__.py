"""Typed configuration: one pydantic class per verb and method, and nothing beside it."""

from ray_jobs.config.autosep import DescribingConfig, FitAutosepConfig, LabelAutosepConfig
from ray_jobs.config.base import (
    VerbConfig,
    method_of,
    parse,
    program_name,
    settings_from,
    yaml_method,
)
from ray_jobs.config.data_free import FitDataFreeConfig
from ray_jobs.config.near import FitNearConfig
from ray_jobs.config.open_vocabulary import LabelMllmNamesConfig, NamingConfig
from ray_jobs.config.plan import PlanConfig, plan_of
from ray_jobs.config.serve import ServeConfig
from ray_jobs.config.shared import (
    ArchiveConfig,
    AskingConfig,
    AskingImagesConfig,
    ClassTextsConfig,
    ClipConfig,
    MllmConfig,
)
from ray_jobs.config.submit import SubmitConfig
from ray_jobs.config.verbs import (
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
    "settings_from",
    "yaml_method",
]
