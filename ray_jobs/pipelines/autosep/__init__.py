"""AutoSEP: learn a description prompt from unlabelled images, label by describing with it.

fit: manifest -> sample -> fetch, decode -> object store; then rounds of describe, compare, reflect,
modify on replicas that stay -> prompt.json, history.json, history.html.
label: manifest -> fetch -> MLLM describes -> MLLM chooses a class -> labels.
"""
