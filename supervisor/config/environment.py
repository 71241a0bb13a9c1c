"""One worker's complete environment: the supervisor's own, then [defaults], then the worker's. Pure.

Within each layer the env files come before ``env``. A value of ``env`` sees the layers below it, not its
neighbours, so that the order of keys means nothing: ``PATH = "${PATH}:/opt/bin"`` works.
"""

from __future__ import annotations

import os.path

from supervisor.config.expand import KNOWN, ExpandError, expand, lookalike
from supervisor.config.machine import MOST_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.config.locate import Path
    from supervisor.config.machine import Outside
    from supervisor.config.problems import Problems
    from supervisor.config.validate import Settings


class Environments:
    """Builds environments; reads each env file once. ``folder`` is that of the config file."""

    def __init__(self, base: Mapping[str, str], folder: str, outside: Outside, problems: Problems) -> None:
        self.base = base
        self._folder = folder
        self._outside = outside
        self._problems = problems
        self._files: dict[str, dict[str, str]] = {}

    def build(
        self, layers: tuple[Settings, ...], placeholders: Mapping[str, str], user: Mapping[str, str]
    ) -> dict[str, str] | None:
        """Return the complete environment, or None when no layer changes anything: then the supervisor's is
        inherited.

        ``user``: what the worker's own user has in its environment, which goes before the supervisor's.
        """
        if not user and not any("env" in layer or "env_file" in layer for layer in layers):
            return None
        variables = {**self.base, **user}
        for layer in layers:
            for name, path in _items(layer, "env_file"):
                variables.update(self._file(self.expanded(name, path, self.base, {}), path))
            values = {
                key[-1]: self.expanded(text, key, variables, placeholders) for text, key in _items(layer, "env")
            }
            variables.update({str(name): text for name, text in values.items() if text is not None})
        return variables

    def expanded(
        self, text: str, path: Path, variables: Mapping[str, str], placeholders: Mapping[str, str]
    ) -> str | None:
        """Return the text filled in, or None when that was reported at ``path``."""
        like = lookalike(text)
        if like:
            self._problems.warn(path, f"contains {like}, which is no placeholder", KNOWN)
        try:
            return expand(text, variables, placeholders)
        except ExpandError as error:
            self._problems.value(path, error.message, error.hint)
            return None

    def _file(self, name: str | None, path: Path) -> dict[str, str]:
        """Return the variables of an env file, none when it was reported where ``path`` names it."""
        if name is None:
            return {}
        if name not in self._files:
            self._files[name] = self._read(name, path)
        return self._files[name]

    def _read(self, name: str, path: Path) -> dict[str, str]:
        full = os.path.join(self._folder, name)
        try:
            data = self._outside.read(full)
            text = data.decode()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._problems.value(path, f'names "{name}", which cannot be read: {reason}', f"looked for {full}")
            return {}
        except UnicodeDecodeError:
            self._problems.value(path, f'names "{name}", which is not UTF-8 text')
            return {}
        if len(data) > MOST_BYTES:
            self._problems.value(path, f'names "{name}", which is larger than 1 MiB')
            return {}
        from supervisor.config import envfile  # most configs name none

        found, complaints = envfile.parse(text, name)
        self._problems.elsewhere += complaints
        return found


def _items(layer: Settings, key: str) -> list[tuple[str, Path]]:
    """Return the texts of ``env`` or ``env_file`` with the path of each."""
    if key not in layer:
        return []
    given = layer[key]
    if isinstance(given.value, dict):
        return [(text, (*given.path, name)) for name, text in given.value.items()]
    assert isinstance(given.value, tuple)
    if len(given.value) == 1:
        return [(given.value[0], given.path)]
    return [(text, (*given.path, index)) for index, text in enumerate(given.value)]
