"""What is said where the libraries for training are not installed."""

from __future__ import annotations

from promptlab import finetune
from promptlab.ui.components.widgets import mono, note


def say() -> None:
    """Say which libraries are missing, before anything is typed."""
    names = finetune.missing_libraries()
    if not names:
        return
    what = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not installed"
    note(
        "warn",
        f"Training cannot start yet: {what}",
        "Everything else on this page works. In a checkout of promptlab the command below installs what is missing. If "
        "promptlab came by pip, install torch and then promptlab[finetune]; docs/finetune.md says how to take the "
        "smaller build of torch. Then press F5.",
    )
    mono("make finetune", key="finetune-install")


__all__ = ["say"]
