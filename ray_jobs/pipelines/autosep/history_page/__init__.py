"""The history of a prompt search as one HTML page.

`tree` orders the prompts by who came from whom, `chart` places the scores, `page` fills the
template.
"""

from ray_jobs.pipelines.autosep.history_page.page import draw_history

__all__ = ["draw_history"]
