"""A method added in five files: ask the multimodal LLM for the class at once.

`reading` is its pure part, `labels` its label stage, `settings` its flags, `pipeline` its passes,
`row` its line of the registry. docs/architecture.md goes through them.
"""
