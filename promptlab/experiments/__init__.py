"""Experiments: what did this part of the prompt do, for this model, and can one be sure?

    experiment = Experiment("", "ablate", "world-cup", "world-cup", ("gemma-3-270m",))
    planned = plan_experiment(workspace, experiment)            # nothing is asked yet
    running = Running(planned, Tools(catalogue, store, log))
    for progress in running:                                    # asks the models, and resumes what was interrupted
        print(progress.done, "of", progress.total)              # `running.so_far` has the numbers until now
    print(headline(running.outcome))                            # "The article adds 62 points for gemma-3-270m (95 % …"

A kind of experiment is a planner (`experiments/_ablate.py` and its like); asking, effects and reports are the same for
all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.experiments._asked import Asked, asked_by, prompt_text
    from promptlab.experiments._chart_style import COLOURS
    from promptlab.experiments._charts import Picture, as_png, as_svg, chart_of, pictures_of
    from promptlab.experiments._design import Arm, Contrast, Design, Material, crossed
    from promptlab.experiments._effects import Effect, effects_of
    from promptlab.experiments._experiment import Experiment, experiment_paths, load_experiment, named, save_experiment
    from promptlab.experiments._export import answers_as_csv, answers_as_parquet, answers_frame
    from promptlab.experiments._files import OutcomeFile, outcome_files
    from promptlab.experiments._fill import with_documents, with_shots
    from promptlab.experiments._find_kind import every_kind, kind_named, kind_names
    from promptlab.experiments._form import FormField, changed_options, entered_of, form_fields, option_value
    from promptlab.experiments._headline import headline
    from promptlab.experiments._html_report import html_report, label_of
    from promptlab.experiments._kinds import Kind, Options, kind
    from promptlab.experiments._luck import luck_lines, luck_rows
    from promptlab.experiments._memory import page_or_memory
    from promptlab.experiments._model_sizes import model_table, origin_notes
    from promptlab.experiments._observations import Observation, Observations
    from promptlab.experiments._outcome import Outcome, State
    from promptlab.experiments._own_kinds import OwnKinds, own_kinds
    from promptlab.experiments._paraphrases import MOST_PARAPHRASES, Paraphrase, paraphrases, with_paraphrases
    from promptlab.experiments._plan import ASK_ABOVE, Planned, plan_experiment
    from promptlab.experiments._plan_report import plan_data, plan_lines, smallest_effect_words
    from promptlab.experiments._reading import Reading, distinct_tokens, readings
    from promptlab.experiments._repeats import repeat_lines, repeat_rows
    from promptlab.experiments._run import Progress, Running, Tools, read_outcome
    from promptlab.experiments._sources import (
        MEASURED_CASES,
        CaseSource,
        case_sources,
        measured,
        measured_models,
        measured_options,
        with_free_name,
    )
    from promptlab.experiments._structure import structure_lines, structure_rows, structure_sentence
    from promptlab.experiments._tables import answer_rows, arm_rows, effect_rows, flipped
    from promptlab.experiments._takes import Takes, what_it_takes
    from promptlab.experiments._text_report import (
        arm_lines,
        effect_lines,
        left_out_lines,
        points_words,
        report_data,
        report_lines,
    )
    from promptlab.experiments._words import sentence

__all__ = [
    "ASK_ABOVE",
    "COLOURS",
    "MEASURED_CASES",
    "MOST_PARAPHRASES",
    "Arm",
    "Asked",
    "CaseSource",
    "Contrast",
    "Design",
    "Effect",
    "Experiment",
    "FormField",
    "Kind",
    "Material",
    "Observation",
    "Observations",
    "Options",
    "Outcome",
    "OutcomeFile",
    "OwnKinds",
    "Paraphrase",
    "Picture",
    "Planned",
    "Progress",
    "Reading",
    "Running",
    "State",
    "Takes",
    "Tools",
    "answer_rows",
    "answers_as_csv",
    "answers_as_parquet",
    "answers_frame",
    "arm_lines",
    "arm_rows",
    "as_png",
    "as_svg",
    "asked_by",
    "case_sources",
    "changed_options",
    "chart_of",
    "crossed",
    "distinct_tokens",
    "effect_lines",
    "effect_rows",
    "effects_of",
    "entered_of",
    "every_kind",
    "experiment_paths",
    "flipped",
    "form_fields",
    "headline",
    "html_report",
    "kind",
    "kind_named",
    "kind_names",
    "label_of",
    "left_out_lines",
    "load_experiment",
    "luck_lines",
    "luck_rows",
    "measured",
    "measured_models",
    "measured_options",
    "model_table",
    "named",
    "option_value",
    "origin_notes",
    "outcome_files",
    "own_kinds",
    "page_or_memory",
    "paraphrases",
    "pictures_of",
    "plan_data",
    "plan_experiment",
    "plan_lines",
    "points_words",
    "prompt_text",
    "read_outcome",
    "readings",
    "repeat_lines",
    "repeat_rows",
    "report_data",
    "report_lines",
    "save_experiment",
    "sentence",
    "smallest_effect_words",
    "structure_lines",
    "structure_rows",
    "structure_sentence",
    "what_it_takes",
    "with_documents",
    "with_free_name",
    "with_paraphrases",
    "with_shots",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
