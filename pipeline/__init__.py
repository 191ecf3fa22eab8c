"""Pipeline: what one runs, as `python -m pipeline.NAME`; also the page, `python app.py`."""

import sys
from pathlib import Path

from pipeline.environment import explain_missing_libraries

if Path(sys.argv[0]).name in ("-m", "app.py"):  # what a program that imports this does with errors is its own affair
    explain_missing_libraries()
