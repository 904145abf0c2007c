"""The second edition of the drawn world: larger, with names, sights and frequencies as in life.

`birds` and `scenes` hold the facts, docs/second_edition.md says which known property of real
models and archives set which number. Images come from `archive`, models from `clip_training` and
`mllm_training`.
"""
