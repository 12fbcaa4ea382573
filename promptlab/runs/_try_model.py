"""A try of a model: one tiny question, asked through the runner like any other, so that "ready" means tried.

run = start_run([trial_of_model("gpt")], catalogue=catalogue, store=store, title="test of gpt", fresh=True)
run.wait()
catalogue.status("gpt").words            # "tried 12:15, answered in 0.4 s"
"""

from __future__ import annotations

from functools import cache

from promptlab import templates
from promptlab.runs._trial import Trial
from promptlab.templates import Template

TRY_TEMPLATE = "promptlab/test.yaml"
"""The path of the template of a try, which is promptlab's own and no file of the workspace."""

_TEXT = """\
description: Test of a model
inputs:
  question: {type: string, sample: "Reply with the word OK."}
params: {temperature: 0, max_tokens: 16}
"""


@cache
def _template() -> Template:
    return templates.parse(_TEXT, path=TRY_TEMPLATE)


def trial_of_model(model: str) -> Trial:
    """The trial that asks `model` one tiny question. Ask it with `fresh=True`: an answer of the history is no try."""
    template = _template()
    return Trial(template, {"question": "Reply with the word OK."}, model, params=template.params)
