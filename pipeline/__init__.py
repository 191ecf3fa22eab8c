"""Pipeline: what one runs, as `python -m pipeline.NAME`; also the page, `python app.py`."""

import sys
from pathlib import Path

from pipeline.running.environment import explain_missing_libraries
from pipeline.running.signals import end_in_a_line

if sys.argv[:1] == ["-m"]:  # before the imports of the module that is to be run, which take seconds
    end_in_a_line()
if Path(sys.argv[0]).name in ("-m", "app.py"):
    explain_missing_libraries()
