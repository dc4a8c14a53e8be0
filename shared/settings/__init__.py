"""Every setting of both services: read from the environment and `.env`, refused when misspelt.

One package for both, because both read one `.env`: each must know the other's names to tell a stranger from
a typing error. `docs/settings.md` is the table for people; a test compares it with the fields here.
"""

from shared.settings.api import ApiSettings
from shared.settings.core import CoreSettings, known_settings
from shared.settings.worker import WorkerSettings

__all__ = ["ApiSettings", "CoreSettings", "WorkerSettings", "known_settings"]
