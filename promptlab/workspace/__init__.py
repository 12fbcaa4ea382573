"""A workspace: a folder with a promptlab.yaml, its models, and the privacy labels of its files.

workspace = Workspace.find()                                  # from the current folder upwards
workspace.models["gemma-3-270m"].clearance                    # "confidential": it may see any text
workspace.label_of("documents/uploads/minutes.md")            # "confidential", as for every upload
workspace = set_label(workspace, "documents/faq.md", "public", reason="it is on our web site")

check_gate(prompt, model="gpt-4o", clearance="public")        # raises GateRefused if a label is too high
scan_text("Call +44 20 7946 0958", "personal")                # keys or personal data in a text
verify_ledger(workspace.state).problem                        # None if no line of the ledger was changed
missing_permissions(workspace)                                # what it asks for and is not yet trusted with
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.workspace._current_labels import HIGHEST_LABEL, PASSAGES_MARK, Labels, Look, places_of_prompt
    from promptlab.workspace._edit_models import NAME as MODEL_NAME
    from promptlab.workspace._edit_models import (
        ModelsEdit,
        entry_of_server,
        plan_model,
        plan_new_models,
        plan_removal,
        write_models_edit,
    )
    from promptlab.workspace._gate import CHECK_BEFORE_RETRY, check_gate, cleared_models, label_of_prompt
    from promptlab.workspace._labels import check_copy_label, set_label, unmatched_patterns
    from promptlab.workspace._ledger import Ledger, SentRequest, is_lower, record_lowered_label
    from promptlab.workspace._ledger_read import (
        LedgerDestination,
        ledger_destinations,
        newest_ledger_entries,
        verify_ledger,
    )
    from promptlab.workspace._model_entries import LlamaModel, OpenAIModel
    from promptlab.workspace._new_files import NewFiles, write_new_files
    from promptlab.workspace._row_labels import COPIED_FROM, parse_places, places_as_data
    from promptlab.workspace._scan import scan_text, without_overlaps
    from promptlab.workspace._scan_policy import ScanPolicy, ScanRule
    from promptlab.workspace._scan_search import Finding, FindingGroup, NotScanned
    from promptlab.workspace._trust import (
        TRUST_VARIABLE,
        Permission,
        check_code_trusted,
        forget_trust,
        kind_files,
        missing_permissions,
        model_trust_problem,
        permissions_of_model,
        requested_permissions,
        trust_everything,
        trust_file,
        trust_workspace,
        trusts_everything,
    )
    from promptlab.workspace._workspace import FILE, UPLOADS_FOLDER, Workspace, workspace_folder

__all__ = [
    "CHECK_BEFORE_RETRY",
    "COPIED_FROM",
    "FILE",
    "HIGHEST_LABEL",
    "MODEL_NAME",
    "PASSAGES_MARK",
    "TRUST_VARIABLE",
    "UPLOADS_FOLDER",
    "Finding",
    "FindingGroup",
    "Labels",
    "Ledger",
    "LedgerDestination",
    "LlamaModel",
    "Look",
    "ModelsEdit",
    "NewFiles",
    "NotScanned",
    "OpenAIModel",
    "Permission",
    "ScanPolicy",
    "ScanRule",
    "SentRequest",
    "Workspace",
    "check_code_trusted",
    "check_copy_label",
    "check_gate",
    "cleared_models",
    "entry_of_server",
    "forget_trust",
    "is_lower",
    "kind_files",
    "label_of_prompt",
    "ledger_destinations",
    "missing_permissions",
    "model_trust_problem",
    "newest_ledger_entries",
    "parse_places",
    "permissions_of_model",
    "places_as_data",
    "places_of_prompt",
    "plan_model",
    "plan_new_models",
    "plan_removal",
    "record_lowered_label",
    "requested_permissions",
    "scan_text",
    "set_label",
    "trust_everything",
    "trust_file",
    "trust_workspace",
    "trusts_everything",
    "unmatched_patterns",
    "verify_ledger",
    "without_overlaps",
    "workspace_folder",
    "write_models_edit",
    "write_new_files",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
