"""Typed configuration: one pydantic class per verb and method, and nothing beside it.

A module is imported when one of its classes is first asked for: a command builds the classes that
it needs, and no more.
"""

# isort: skip_file

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names as below
    from ray_jobs.config.autosep import (
        DescribingConfig as DescribingConfig,
        FitAutosepConfig as FitAutosepConfig,
        LabelAutosepConfig as LabelAutosepConfig,
    )
    from ray_jobs.config.base import (
        VerbConfig as VerbConfig,
        method_of as method_of,
        parse as parse,
        settings_from as settings_from,
    )
    from ray_jobs.config.cascade import LabelCascadeConfig as LabelCascadeConfig
    from ray_jobs.config.cased import LabelCasedConfig as LabelCasedConfig
    from ray_jobs.config.clusters import LabelClustersConfig as LabelClustersConfig
    from ray_jobs.config.data_free import FitDataFreeConfig as FitDataFreeConfig
    from ray_jobs.config.dataset import DatasetConfig as DatasetConfig
    from ray_jobs.config.embeddings import (
        EmbedConfig as EmbedConfig,
        SearchConfig as SearchConfig,
        StoredConfig as StoredConfig,
    )
    from ray_jobs.config.finer import FitFinerConfig as FitFinerConfig
    from ray_jobs.config.near import FitNearConfig as FitNearConfig
    from ray_jobs.config.open_vocabulary import (
        LabelMllmNamesConfig as LabelMllmNamesConfig,
        NamingConfig as NamingConfig,
    )
    from ray_jobs.config.plan import PlanConfig as PlanConfig, plan_of as plan_of
    from ray_jobs.config.quality import (
        AuditConfig as AuditConfig,
        CalibrateConfig as CalibrateConfig,
    )
    from ray_jobs.config.reproduce import ReproduceConfig as ReproduceConfig
    from ray_jobs.config.review import ExportConfig as ExportConfig, ReviewConfig as ReviewConfig
    from ray_jobs.config.serve import ServeConfig as ServeConfig
    from ray_jobs.config.shared import (
        ArchiveConfig as ArchiveConfig,
        AskingConfig as AskingConfig,
        AskingImagesConfig as AskingImagesConfig,
        ClipConfig as ClipConfig,
        GrowingConfig as GrowingConfig,
        MllmConfig as MllmConfig,
        TablesConfig as TablesConfig,
    )
    from ray_jobs.config.slac_tlac import (
        LabelSlacConfig as LabelSlacConfig,
        LabelTlacConfig as LabelTlacConfig,
        RecogniseConfig as RecogniseConfig,
    )
    from ray_jobs.config.submit import SubmitConfig as SubmitConfig
    from ray_jobs.config.table import LayoutConfig as LayoutConfig, TableConfig as TableConfig
    from ray_jobs.config.verbs import (
        DemoConfig as DemoConfig,
        DoctorConfig as DoctorConfig,
        DrawConfig as DrawConfig,
        EvaluateConfig as EvaluateConfig,
        ManifestConfig as ManifestConfig,
        RepairConfig as RepairConfig,
    )
    from ray_jobs.config.verbs import (
        ReportConfig as ReportConfig,
    )
    from ray_jobs.config.what_do_you_see import (
        ClassTextsConfig as ClassTextsConfig,
        FitWhatDoYouSeeConfig as FitWhatDoYouSeeConfig,
        LabelWhatDoYouSeeConfig as LabelWhatDoYouSeeConfig,
    )
    from ray_jobs.config.yaml_file import yaml_method as yaml_method
    from ray_jobs.config.zero_shot import (
        FitZeroShotConfig as FitZeroShotConfig,
        LabelClassifierConfig as LabelClassifierConfig,
        LabelZeroShotConfig as LabelZeroShotConfig,
    )

_HOMES = {
    "autosep": "DescribingConfig FitAutosepConfig LabelAutosepConfig",
    "base": "VerbConfig method_of parse settings_from",
    "cascade": "LabelCascadeConfig",
    "cased": "LabelCasedConfig",
    "clusters": "LabelClustersConfig",
    "data_free": "FitDataFreeConfig",
    "dataset": "DatasetConfig",
    "embeddings": "EmbedConfig SearchConfig StoredConfig",
    "finer": "FitFinerConfig",
    "near": "FitNearConfig",
    "open_vocabulary": "LabelMllmNamesConfig NamingConfig",
    "plan": "PlanConfig plan_of",
    "quality": "AuditConfig CalibrateConfig",
    "reproduce": "ReproduceConfig",
    "review": "ExportConfig ReviewConfig",
    "serve": "ServeConfig",
    "shared": "ArchiveConfig AskingConfig AskingImagesConfig ClipConfig GrowingConfig MllmConfig "
    "TablesConfig",
    "slac_tlac": "LabelSlacConfig LabelTlacConfig RecogniseConfig",
    "submit": "SubmitConfig",
    "table": "LayoutConfig TableConfig",
    "verbs": "DemoConfig DoctorConfig DrawConfig EvaluateConfig ManifestConfig "
    "RepairConfig ReportConfig",
    "what_do_you_see": "ClassTextsConfig FitWhatDoYouSeeConfig LabelWhatDoYouSeeConfig",
    "yaml_file": "yaml_method",
    "zero_shot": "FitZeroShotConfig LabelClassifierConfig LabelZeroShotConfig",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
