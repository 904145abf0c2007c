"""Which files a page links to: what a browser opens, and nothing that runs."""

from __future__ import annotations

import pytest

from ray_jobs.pages.links import link_to, link_to_image


@pytest.mark.parametrize(
    ("uri", "link"),
    [
        ("/photos/a b#1.jpg", "file:///photos/a%20b%231.jpg"),
        ("file:///photos/a.jpg", "file:///photos/a.jpg"),
        ("https://example.org/a.jpg", "https://example.org/a.jpg"),
        ("s3://bucket/a.jpg", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("photos/a.jpg", None),
        ("", None),
        (None, None),
    ],
)
def test_only_what_a_browser_opens_is_linked(uri: str | None, link: str | None) -> None:
    assert link_to(uri) == link


def test_a_member_of_a_tar_is_no_file_of_its_own() -> None:
    assert link_to_image({"uri": "/a.tar", "member": "1.png", "offset": 512}) is None
    assert link_to_image({"uri": "/a.png", "member": None}) == "file:///a.png"
