"""The workbench, for `streamlit run app.py`; `promptlab app` starts the same page."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parent / "promptlab" / "ui" / "main.py"))
