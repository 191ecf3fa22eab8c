"""Pipeline: what one runs, as `python -m pipeline.NAME`."""

import sys

from pipeline.signals import end_in_a_line

if sys.argv[:1] == ["-m"]:  # before the imports of the module that is to be run, which take seconds
    end_in_a_line()
