"""The load, the kills and the verdict of the probes (bench/measure), for tests that want them
small: importing this makes `measure` importable."""

import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[3] / "bench"

if str(BENCH) not in sys.path:
    sys.path.append(str(BENCH))
