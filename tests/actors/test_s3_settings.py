"""The words of ``--s3``: for all buckets, for one, and what is refused."""

from __future__ import annotations

import os

import pytest

from actors.s3_settings import VARIABLE, S3Settings, check_words, settings_of, use_s3
from methods.errors import InputError


def test_what_is_said_of_a_bucket_wins() -> None:
    words = "photos:anon profile=work photos:endpoint=http://127.0.0.1:9 requester-pays"
    assert settings_of("other", words) == S3Settings(profile="work", requester_pays=True)
    assert settings_of("photos", words) == S3Settings(
        anon=True, requester_pays=True, endpoint="http://127.0.0.1:9"
    )
    assert settings_of("any", "") == S3Settings()


@pytest.mark.parametrize(
    "word", ["anonym", "profile=", "endpoint=here", "No_Bucket:anon", "profile=a b"]
)
def test_a_wrong_word_is_one_sentence(word: str) -> None:
    with pytest.raises(InputError, match=r"^--s3 "):
        check_words([word])


def test_an_endpoint_takes_no_secret_and_none_is_repeated() -> None:
    with pytest.raises(InputError, match="takes no user or password") as caught:
        check_words(["endpoint=http://me:hush@host"])
    assert "hush" not in str(caught.value)


def test_no_words_leave_the_variable_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "anon")
    use_s3([])
    assert settings_of("any", "anon").anon
    use_s3(["profile=x", "bucket:anon"])
    assert os.environ[VARIABLE] == "profile=x bucket:anon"
