"""The version of the project: pyproject.toml and every report read it here.

`importlib.metadata` would know it, too, and takes 30 ms and 2 MB: an end waits for its report.
"""

VERSION = "0.1.0"
