"""The files of an experiment: its picture, all answers, the report, and the file that makes it again."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.experiments import Outcome, OutcomeFile, label_of, outcome_files
from promptlab.ui.components.widgets import mono, note, small
from promptlab.ui.experiments.picture import facts_of
from promptlab.ui.state.session import Session


def draw(session: Session, outcome: Outcome) -> None:
    """Draw a fold with a button for each file. A file is made when its button is pressed."""
    experiment = outcome.planned.experiment
    with st.expander("Files: report, picture, all answers", key="experiment-files", type="compact"):
        small("The report stands alone: one HTML file with the sentence, the pictures and the cases that changed.")
        label = label_of(outcome)
        if label != "public":
            small(f"Text labelled {label} is masked in all files; scores are not.")
        with st.container(horizontal=True, gap="small"):
            for file in outcome_files(outcome, facts=facts_of(session, outcome), store=session.store):
                st.download_button(
                    file.label,
                    data=_made(file),
                    file_name=file.name,
                    mime=file.mime,
                    icon=":material/download:",
                    key=f"experiment-file-{file.name}",
                    on_click="ignore",
                )
        small(f"{experiment.path}; `promptlab experiment {experiment.name}` makes the same report in a terminal:")
        mono(experiment.as_yaml(), key="experiment-yaml")


def _made(file: OutcomeFile) -> Callable[[], bytes]:
    def make() -> bytes:
        try:
            return file.make()
        except PromptlabError as exc:
            note("bad", f"{file.name} cannot be made", exc.message, exc.hint)
            raise

    return make
