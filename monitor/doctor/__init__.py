"""`holdback doctor`: can the sidecar reach, read and write what it needs?

for finding in examine(config): print(finding.line)
"""

from __future__ import annotations

from monitor.doctor.examination import examine
from monitor.doctor.findings import Finding

__all__ = ["Finding", "examine"]
