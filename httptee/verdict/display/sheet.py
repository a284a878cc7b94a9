"""The style sheet of the page, for light and for dark."""

SHEET = """
:root { color-scheme: light dark; --back: #fff; --text: #1d2127; --dim: #68717d; --line: #d9dee4; --box: #f5f7f9;
  --a: #2463b4; --b: #b8590a; --yes: #19783a; --no: #bf2130; --open: #8a6200; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --text: #e3e7ec; --dim: #98a2ae; --line: #343b44;
  --box: #1d2228; --a: #74aef7; --b: #f2a25c; --yes: #5cc584; --no: #ff7b86; --open: #e0b64a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 20px; margin: 40px 0 8px; }
h3 { font-size: 16px; margin: 32px 0 8px; }
p, ul { margin: 6px 0; } code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.dim { color: var(--dim); } .yes { color: var(--yes); } .no { color: var(--no); } .open { color: var(--open); }
.word { border: 1px solid; border-radius: 4px; padding: 0 6px; font-size: .85em; font-weight: 700;
  white-space: nowrap; }
dl { display: flex; flex-wrap: wrap; gap: 8px 28px; margin: 12px 0; }
dt { color: var(--dim); font-size: 12px; } dd { margin: 0; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: 16px 0; }
th { text-align: left; color: var(--dim); font-size: 12px; font-weight: 500; }
th, td { padding: 5px 8px; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td a { color: inherit; text-decoration-color: var(--line); } td code { white-space: nowrap; }
article { border-left: 3px solid var(--line); padding: 2px 0 2px 12px; margin: 12px 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
.pair pre { margin: 0; padding: 6px 8px; background: var(--box); white-space: pre-wrap; border-left: 3px solid; }
pre.a { border-color: var(--a); } pre.b { border-color: var(--b); }
summary { cursor: pointer; color: var(--dim); }
figure { margin: 24px 0; } figcaption { color: var(--dim); font-size: 13px; }
svg { width: 100%; height: auto; } svg text { fill: var(--text); font: 12px ui-monospace, monospace; }
svg .tick { fill: var(--dim); text-anchor: middle; } svg .route { text-anchor: end; }
svg path { fill: none; stroke-width: 2; } svg .grid { stroke: var(--line); stroke-width: 1; }
svg .a path { stroke: var(--a); } svg .a circle { fill: var(--a); } svg .b path { stroke: var(--b); }
svg .b circle { fill: var(--b); } svg .bound { stroke: var(--dim); }
svg .all { fill: none; stroke: var(--b); stroke-width: 2; }
svg .bad { fill: var(--no); } svg .delta { stroke: var(--yes); stroke-dasharray: 5 4; }
@media print { details > * { display: block; } }
"""
