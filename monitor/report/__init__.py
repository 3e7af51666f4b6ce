"""The report of a backtest, readable by somebody who was not there.

recorder = Recorder()
result = backtest(config, profiles, stream, observe=recorder, tell=recorder.take)
Path("report.html").write_text(report([Run(config, result, recorder)], {"1": profile.digest}))
"""

from __future__ import annotations

from monitor.report.compare import compared_lines
from monitor.report.page import report
from monitor.report.parts import Run
from monitor.report.recorder import Recorder

__all__ = ["Recorder", "Run", "compared_lines", "report"]
