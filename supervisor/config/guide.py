"""The first part of docs/config.md: what the table of fields cannot say."""

from __future__ import annotations

GUIDE = """\
# The config file

<!-- Generated from supervisor/config/ by `scripts/docs`. Edit there. -->

`supervisor up` and all commands about a fleet read `-c FILE`, else the first of these in the current folder:

1. `supervisor.toml`
2. `configs/supervisor.toml`
3. `pyproject.toml`, when it has `[tool.sigdrain]`: the same sections below it, as `[tool.sigdrain.worker.web]`

`-c Procfile` is read as well, as foreman and honcho do. `supervisor init` writes a file to start from,
`supervisor check` tells everything that is wrong with one, `supervisor schema` prints its JSON Schema (editors
with a TOML language server complete and check with it: see the first line of what `init` writes).
[configs/reference.toml](../configs/reference.toml) has every key.

```toml
[defaults]
env_file = ".env"
stop.escalation = "TERM/20/KILL"

[worker.web]
command = "uvicorn shop.web:app --port {port} --timeout-graceful-shutdown 8"
instances = 2
port = 8000

[worker.mailer]
command = ["python3", "-m", "shop.mailer", "--queue", "${QUEUE:-mail}"]
stop.grace = 60
restart = "always"
```

## Complaints

All at once, in the order of the file, with exit code 2:

```
supervisor.toml:9:1: error: [worker.web] unknown key "comand", did you mean "command"?
    9 | comand = "uvicorn shop.web:app"
      | ^^^^^^
```

A warning looks the same and lets the fleet start.

## Values

- **Durations** are seconds (`10`, `0.5`) or texts with units: `"500ms"`, `"1m30s"`, `"2h"`, `"1d"`.
- **Escalations** are signals with seconds between them: `"TERM/10/INT/5/KILL"`; a single number of seconds is
  short for TERM, this wait, KILL; `"none"` never escalates. A wait after KILL is how long to wait until the worker
  counts as stuck (5 seconds without one).
- **Paths** are relative to the folder of the config file.
- **Variables**: `${NAME}` and `${NAME:-default}` (when unset or empty) are filled in in `command`, `env`,
  `env_file`, `cwd`, `user` and `group`; `$$` is a plain `$`, and a `$` before anything but `{` or `$` stays. A
  variable that is not set is an error. `command` and `cwd` see the worker's complete environment; a value of
  `env` sees the supervisor's, the env files and the `env` of [defaults]; the others see the supervisor's. What
  a variable holds is never expanded again.
- **Placeholders**: `{instance}` (from 1; needs `instances`) and `{port}` (needs `port`) in `command`, `env` and
  `cwd`. Another word in braces is an error; `{{word}}` is the plain text `{word}`. All other braces stay.
- **Layers** of an environment, later ones winning: the supervisor's own, with `user` that user's USER, LOGNAME,
  HOME and SHELL, `env_file` of [defaults], `env` of [defaults], the worker's `env_file`, the worker's `env`.
- **Env files** have lines `KEY=VALUE`, `export KEY=VALUE`, `# comment`. `'single quotes'` keep everything as it
  is, `"double quotes"` know `\\n \\r \\t \\" \\\\ \\$`; both may span lines. Without quotes a value ends at the end
  of the line or at ` #`. `$` means nothing.
- **Names** of workers have letters, digits, `_` and `-`. An instance is shown as `web.2`.
"""
