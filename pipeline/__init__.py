"""Pipeline: the stages and commands, run as `python -m pipeline.NAME`; `python app.py` starts the page."""

import sys
from pathlib import Path

from pipeline.running.environment import explain_missing_libraries
from pipeline.running.signals import end_in_a_line

if sys.argv[:1] == ["-m"]:  # before the module's own imports, which take seconds
    end_in_a_line()
if Path(sys.argv[0]).name in ("-m", "app.py"):
    explain_missing_libraries()
