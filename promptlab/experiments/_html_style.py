"""The style of the HTML report, for bright and dark pages and for print."""

CSS = """
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --line: #d8dce1; --soft: #f3f5f7;
  --good: #0a6b3d; --bad: #a8231b; --mark: #7a5200 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --paper: #14171a; --line: #343a41; --soft: #1e2327;
  --good: #5cc98f; --bad: #ff8a80; --mark: #e3b04b } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: .3rem } h2 { margin: 2.2rem 0 .6rem; font-size: 1.25rem }
h3 { margin: 1.4rem 0 .2rem; font-size: 1rem }
.about { margin-top: 0; opacity: .8 } .lead { font-size: 1.12rem }
.label { border-left: 4px solid var(--mark); padding-left: .7rem; color: var(--mark) }
figure { margin: .5rem 0; padding-left: 1.4rem; overflow-x: auto }
figure svg { max-width: 100%; height: auto; overflow: visible }  /* fonts differ from those it was drawn with */
figcaption { margin: .4rem 0 0 -1.4rem }
.wide { overflow-x: auto } table { border-collapse: collapse; margin: .8rem 0 }
td, th { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; overflow-wrap: break-word }
th { white-space: nowrap; font-weight: 600 }
.sides { width: 100% } .sides th { white-space: normal; width: 30% } .sides td { padding-right: 0 }
details { border-bottom: 1px solid var(--line); padding: .35rem 0 } details details { border: 0; padding-left: .8rem }
summary { cursor: pointer }
pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 }
del { color: var(--bad) } ins { color: var(--good) } .good { color: var(--good) } .bad { color: var(--bad) }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --line: #bbb; --soft: #fff }
  body { max-width: none; margin: 0; font-size: 11pt } figure, tr { break-inside: avoid } pre { border: 1px solid #bbb }
  h2, h3 { break-after: avoid } }
"""
