"""The tests import `measure` as bench/run does: from the folder bench."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
