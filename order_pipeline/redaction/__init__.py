"""The one place through which every message of a library passes before a person or a file gets it.

`texts` hides what looks secret or personal, and the secrets that `secrets` knows. `errors` says of an error what may be
shown: a library's text ends where it may repeat its input. `process` puts both before every log, every traceback and
everything that Dagster stores of an error.
"""
