"""`promptlab templates try`: variants of a template, on branches of their own. See `versions/_branches.py`."""

from __future__ import annotations

from dataclasses import asdict

import click

from promptlab.cli._common import as_json_option, changes, located, print_json, print_line, read, text_of_file


@click.group("try")
def try_() -> None:
    """Variants of a template, on branches of their own.

    A branch is called try/TEMPLATE/NAME. The files of the workspace are not changed until a variant is merged.
    """


@try_.command("list")
@click.argument("template")
@as_json_option
def try_list(template: str, as_json: bool) -> None:
    """List the variants of a template, last changed first."""
    from promptlab import versions

    workspace, path = located(template)
    for variant in versions.list_variants(workspace, path):
        if as_json:
            print_json(asdict(variant))
        else:
            print_line(f"{variant.name}  {variant.when[:10]}  {variant.who}  {variant.message}")


@try_.command("save")
@click.argument("template")
@click.argument("name")
@click.option("-m", "--message", required=True, metavar="TEXT", help="What you try.")
@click.option("--from", "source", metavar="FILE", help="The text of the whole file; `-` reads standard input.")
@click.option("--set", "pairs", multiple=True, metavar="FIELD=VALUE", help="Change one field. May be repeated.")
@click.option("--set-file", "files", multiple=True, metavar="FIELD=PATH", help="The same with the text of a file.")
@as_json_option
def try_save(
    template: str,
    name: str,
    message: str,
    source: str | None,
    pairs: tuple[str, ...],
    files: tuple[str, ...],
    as_json: bool,
) -> None:
    """Create or change a variant.

    Fields are changed in the text of the variant. A new variant starts from the file.
    """
    from promptlab import templates, versions

    if (source is not None) == bool(pairs or files):
        raise click.UsageError("give the whole text with --from, or changed fields with --set")
    workspace, path = located(template)
    known = [one.name for one in versions.list_variants(workspace, path)]
    base = versions.variant_text(workspace, path, name) if name in known else None
    start = text_of_file(workspace, path) if base is None else base
    text = read(source) if source is not None else templates.edit_template(start, changes(pairs, files), path=path)
    templates.parse(text, path=path)
    made = versions.save_variant(workspace, path, name, text, message, base=base)
    if as_json:
        print_json(asdict(made))
    else:
        print_line(f"{path}: variant {name} saved as {made.commit[:8]} on the branch {made.branch}")


@try_.command("merge")
@click.argument("template")
@click.argument("name")
@click.option("-m", "--message", default="", metavar="TEXT", help="Instead of the usual message.")
@as_json_option
def try_merge(template: str, name: str, message: str, as_json: bool) -> None:
    """Merge a variant into the template, as a commit."""
    from promptlab import versions

    workspace, path = located(template)
    saved = versions.merge_variant(workspace, path, name, message=message)
    if as_json:
        print_json(asdict(saved))
    else:
        print_line(saved.said)


@try_.command("drop")
@click.argument("template")
@click.argument("name")
def try_drop(template: str, name: str) -> None:
    """Delete the branch of a variant."""
    from promptlab import versions

    workspace, path = located(template)
    commit = versions.drop_variant(workspace, path, name)
    print_line(f"{path}: variant {name} is deleted; git branch NAME {commit[:12]} restores it")
