"""``python -m nworkers`` is the command ``scale``."""

from __future__ import annotations

import sys

from nworkers.cli.app import main

sys.exit(main())
