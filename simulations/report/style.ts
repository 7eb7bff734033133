/** Style of the page, in the colours that the reader's system prefers. */
export const pageStyle = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #5c6670; --rule: #c9d1d9;
  --faults: #fdeee6; --calm: #f3f6f8; --none: #e3e7eb; --down: #3b4248; --bad: #c8452f;
  --mark: #2f6fb2; --curve: #2f6fb2; --compare: #b8632a; --good: #1f7a45; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161b; --ink: #e6eaee; --soft: #9aa5b0; --rule: #38424c; --faults: #2e221d;
    --calm: #1a2027; --none: #2b333b; --down: #77808a; --bad: #f0735c; --mark: #6fadf0;
    --curve: #6fadf0; --compare: #e3a06c; --good: #5cc98b; } }
body { margin: 0 auto; max-width: 62rem; padding: 1rem 1.2rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: .6rem 0; font-size: 1.7rem; } h2 { margin: 2.6rem 0 .2rem; font-size: 1.35rem; }
h3 { margin: 1.5rem 0 .3rem; font-size: 1.05rem; } h4 { margin: 1.2rem 0 .2rem; font-size: 1rem; }
p { margin: .4rem 0; max-width: 48rem; } .lead { font-size: 1.08rem; }
.quiet { color: var(--soft); font-weight: normal; font-size: .9em; }
.good { color: var(--good); font-weight: 600; } .broken { color: var(--bad); font-weight: 600; }
rect { shape-rendering: crispEdges; } svg { display: block; width: 100%; height: auto; } text {
  fill: var(--ink); font: 12px system-ui, sans-serif; }
text.quiet { fill: var(--soft); font-size: 11px; } text.value { font-weight: 600; }
.axis { stroke: var(--soft); } .grid { stroke: var(--rule); stroke-opacity: .6; }
.curve { fill: none; stroke: var(--curve); stroke-width: 2; stroke-linejoin: round; }
.compare { fill: none; stroke: var(--compare); stroke-width: 1.5; stroke-dasharray: 6 5; }
.dot { fill: var(--curve); }
.legend { max-width: none; font-size: .85rem; } .legend span { display: inline-block; margin-
  right: .9rem; white-space: nowrap; }
.legend i { display: inline-block; width: .85em; height: .85em; margin-right: .35em; vertical-
  align: -.08em; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: .8rem 0; font-size: .88rem;
  }
th, td { padding: .2rem .7rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px
  solid var(--rule); }
th { color: var(--soft); font-weight: 600; } details { margin: .8rem 0; } summary { cursor:
  pointer; }
`
