"""One Dagster history for every command that is started inside the project.

``make`` puts this module onto the start of the project's own Python environment (a ``.pth`` file). Dagster's
commands read their instance from ``DAGSTER_HOME`` before any code of the project is imported, and would
otherwise keep a history of their own, or none, in every folder. Values that are set already are kept, and
nothing is set where a command is started outside the project. The tools' telemetry is off.
"""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# A command line that names its own code location gets no workspace besides it.
TARGETS = frozenset(
    {"-w", "--workspace", "-m", "--module-name", "-f", "--python-file", "--package-name", "--grpc-port"}
)


def set_home() -> None:
    """Point Dagster at the project's ``dagster.yaml``, and that at the folder where everything is written."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        return
    if folder != PROJECT and PROJECT not in folder.parents:
        return
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT))
    home = PROJECT / Path(os.environ.get("RETRAIN_ASSETS_HOME") or "var").expanduser()
    os.environ["RETRAIN_ASSETS_HOME"] = str(home)
    # A value in dagster.yaml is a whole variable or none, so a folder in the home needs one of its own.
    os.environ["RETRAIN_ASSETS_DAGSTER"] = str(home / "dagster")
    # `dg` warns where the project's environment is used without having been activated.
    os.environ.setdefault("VIRTUAL_ENV", sys.prefix)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    words = {word.partition("=")[0] for word in sys.orig_argv[2:]}
    if folder != PROJECT and not TARGETS & words:
        # The value of -w of `dagster dev`, which looks for workspace.yaml in the current folder only.
        os.environ.setdefault("DAGSTER_CLI_DEV_WORKSPACE", str(PROJECT / "workspace.yaml"))


set_home()
