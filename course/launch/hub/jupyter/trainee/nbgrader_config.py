"""nbgrader on a trainee's server: which course, which exchange. The hub says both when it starts the server."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - given by traitlets
c.CourseDirectory.course_id = os.environ.get("PATHWAY_COURSE", "")
c.Exchange.root = os.environ["PATHWAY_EXCHANGE"]
c.Exchange.cache = str(Path.home() / ".nbgrader-cache")  # feedback is found by the receipts in it: never shared
c.KernelManager.transport_encryption = "required"
