// How the element looks. What a page may change are the variables --hark-… and
// the parts; docs/kiosk.md lists both.

const css = `
:host {
  display: block;
  container-type: inline-size;
  min-height: 24rem;
  font: 400 1rem/1.5 var(--hark-font, Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif);
  -webkit-tap-highlight-color: transparent;
}
:host([hidden]) { display: none; }
:host([kiosk]) { container-type: size; min-height: 0; height: 100%; width: 100%; }

.root {
  color-scheme: light dark;
  --ground: var(--hark-ground, light-dark(#f7f6f2, #0d1214));
  --surface: var(--hark-surface, light-dark(#ffffff, #171d20));
  --ink: var(--hark-ink, light-dark(#182022, #eef2f1));
  --quiet: var(--hark-quiet, light-dark(#566165, #9fabae));
  --line: var(--hark-line, light-dark(#e0ddd4, #2a3337));
  --accent: var(--hark-accent, light-dark(#0b6e69, #5fd0c3));
  --on-accent: var(--hark-on-accent, light-dark(#ffffff, #06201e));
  --radius: var(--hark-radius, 1.5rem);
  position: relative;
  display: grid;
  grid-template: minmax(0, 1fr) / minmax(0, 1fr);
  height: 100%;
  min-height: inherit;
  box-sizing: border-box;
  overflow: hidden;
  color: var(--ink);
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: var(--radius);
}
.root[data-theme='light'] { color-scheme: light; }
.root[data-theme='dark'] { color-scheme: dark; }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h1, h2, p, ol { margin: 0; padding: 0; }
ol { list-style: none; }
button, input { font: inherit; color: inherit; }
button { cursor: pointer; touch-action: manipulation; }
svg { display: block; width: 1.5rem; height: 1.5rem; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
:focus-visible { outline: 0.15em solid var(--accent); outline-offset: 0.15em; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

canvas {
  color: var(--hark-orb-a, light-dark(#c9f7ea, #d6fff4));
  outline-color: var(--hark-orb-b, light-dark(#1fb8a6, #2cc5b3));
  caret-color: var(--hark-orb-c, light-dark(#6f86ff, #7b8dff));
  column-rule-color: var(--hark-orb-d, light-dark(#0a5a78, #08405c));
  aspect-ratio: 1;
}

/* The conversation. */

.scene, .side { display: grid; min-height: 0; min-width: 0; }
.scene { grid-template: auto minmax(0, 1fr) / minmax(0, 1fr); }
.side { grid-template: minmax(0, 1fr) auto / minmax(0, 1fr); grid-row: 2; }
.captions {
  display: flex;
  flex-direction: column;
  overflow-y: auto;
  overscroll-behavior: contain;
  padding: 1.25rem 1.25rem 0.5rem;
  outline-offset: -0.3em;
  scrollbar-width: thin;
  scrollbar-color: var(--line) transparent;
}
.captions::before { content: ''; margin-top: auto; }
.captions:not(:has(li))::after { content: attr(data-hint); padding-bottom: 0.6em; text-align: center; color: var(--quiet); text-wrap: balance; }
.list { display: flex; flex-direction: column; gap: 0.9rem; }
li { overflow-wrap: anywhere; white-space: pre-wrap; animation: arrive 0.35s cubic-bezier(0.2, 0.7, 0.2, 1); }
.user { align-self: end; max-width: 85%; padding: 0.5rem 0.9rem; border-radius: 1.2rem 1.2rem 0.3rem; background: color-mix(in srgb, var(--accent) 12%, var(--surface)); }
.assistant { max-width: 60ch; font-size: 1.1em; }
.ahead { opacity: 0.4; }
.note { display: block; font-size: 0.8rem; color: var(--quiet); }
.pictures { display: flex; gap: 0.4rem; margin-bottom: 0.3rem; }
.pictures img { height: 4.5rem; border-radius: 0.6rem; display: block; }
.dots { display: inline-flex; gap: 0.3em; padding: 0.45em 0; }
.dots i { width: 0.42em; height: 0.42em; border-radius: 50%; background: currentColor; opacity: 0.5; animation: breathe 1.2s infinite ease-in-out; }
.dots i:nth-child(2) { animation-delay: 0.15s; }
.dots i:nth-child(3) { animation-delay: 0.3s; }

.dock { display: grid; justify-items: center; grid-template-columns: minmax(0, 1fr); gap: 0.2rem; padding: 0 1rem 1rem; }
.talk { position: relative; display: grid; place-items: center; padding: 0; border: 0; border-radius: 50%; background: none; width: var(--hark-orb-size, 7.5rem); }
.talk > * { grid-area: 1 / 1; }
.talk canvas { width: 100%; }
.talk svg { position: relative; width: 24%; height: auto; color: #fff; opacity: 0; filter: drop-shadow(0 1px 3px rgb(0 40 50 / 45%)); transition: opacity 0.25s; }
[data-state='idle'] .talk svg, [data-state='muted'] .talk svg { opacity: 1; }
[data-state='offline'] .talk, [data-state='connecting'] .talk { opacity: 0.5; }
[data-state='muted'] canvas, .away canvas { filter: saturate(0.25); }
.talk:active { transform: scale(0.97); }
.status { min-height: 1.5em; font-size: 0.92rem; color: var(--quiet); text-align: center; }
.preview { position: absolute; right: 1rem; bottom: 1rem; width: 5.5rem; border-radius: 0.8rem; background: #000; }
.preview.mirrored { transform: scaleX(-1); }
.keyboard { display: flex; gap: 0.3rem; width: 100%; max-width: 32rem; margin-top: 0.6rem; padding: 0.25rem; border: 1px solid var(--line); border-radius: 999px; background: var(--surface); }
.keyboard input { flex: 1; min-width: 0; padding: 0.4rem 0.9rem; border: 0; background: none; outline: none; }
.keyboard:focus-within { border-color: var(--accent); }
.keyboard button { display: grid; place-items: center; flex: none; width: 2.6rem; height: 2.6rem; border: 0; border-radius: 50%; background: var(--accent); color: var(--on-accent); }
.end { display: none; }

.notice { position: absolute; z-index: 3; inset: 0.75rem 0.75rem auto; width: fit-content; max-width: calc(100% - 1.5rem); margin-inline: auto; padding: 0.6rem 1.1rem; border: 1px solid light-dark(#eed9b4, #4c3d22); border-radius: 1rem; background: light-dark(#fdf3e3, #2c2418); font-size: 0.95em; animation: arrive 0.3s; }
.notice[data-kind='calm'] { border-color: var(--line); background: var(--surface); }

.page { display: grid; grid-template-rows: auto minmax(0, 1fr); gap: 0.8em; min-height: 0; padding: 1.2em; overflow: auto; animation: arrive 0.4s cubic-bezier(0.2, 0.7, 0.2, 1); }
.page header { display: flex; align-items: center; justify-content: space-between; gap: 1em; }
.page h2 { font-size: 1.5em; font-weight: 650; letter-spacing: -0.02em; line-height: 1.2; }
.page p { display: flex; justify-content: space-between; gap: 1em; min-height: 1em; white-space: pre-wrap; font-size: 1.1em; font-variant-numeric: tabular-nums; }
.page p:has(span + span) { border-bottom: 1px solid var(--line); }
.page img { width: 100%; height: 100%; min-height: 8em; object-fit: contain; border-radius: 0.6em; }
.page iframe { width: 100%; height: 100%; min-height: 12em; border: 0; border-radius: 0.6em; background: #fff; }
.close { display: grid; place-items: center; flex: none; width: 2.4em; height: 2.4em; padding: 0; border: 0; border-radius: 50%; background: color-mix(in srgb, var(--ink) 8%, transparent); }
.close svg { width: 1.3em; height: 1.3em; }

.countdown { position: absolute; inset: 0; z-index: 4; display: grid; place-items: center; background: color-mix(in srgb, var(--ground) 84%, transparent); animation: arrive 0.3s; }
.card { display: grid; justify-items: center; gap: 0.6em; padding: 2.2em 3em; text-align: center; }
.still { font-size: 1.6em; font-weight: 600; letter-spacing: -0.02em; }
.over { color: var(--quiet); font-variant-numeric: tabular-nums; }
.card button, .touch { margin-top: 0.6em; padding: 0.75em 1.9em; border: 0; border-radius: 999px; background: var(--accent); color: var(--on-accent); font-weight: 600; }
.attract { grid-area: 1 / 1; }

/* A kiosk: everything is as large as the screen. */

.kiosk { border: 0; border-radius: 0; --lit: 50%; background: radial-gradient(circle at 50% var(--lit), color-mix(in srgb, var(--hark-orb-b, #1fb8a6) 17%, var(--ground)), var(--ground) 65cqmax) var(--ground); font-size: clamp(15px, 2.35cqmin, 60px); }
.kiosk:not([data-state='asleep']) { --lit: 78%; }
.kiosk > .scene { grid-area: 1 / 1; }
.kiosk .side { grid-template-rows: minmax(0, 1fr) auto; padding: 4em 3em clamp(1.2em, 5cqh, 7em); justify-items: center; }
.kiosk .captions { width: 100%; max-width: 38em; padding: 0 0.2em 1.2em; overflow: hidden; mask-image: linear-gradient(transparent, #000 18%); scrollbar-width: none; }
.kiosk .list { gap: 1.1em; }
.kiosk li:nth-last-child(n + 5) { display: none; }
.kiosk li:nth-last-child(n + 3) { opacity: 0.4; transition: opacity 0.6s; }
.kiosk .user { align-self: start; max-width: 100%; padding: 0; background: none; font-size: 1.25em; color: var(--quiet); }
.kiosk .assistant { max-width: none; font-size: 2.25em; font-weight: 560; line-height: 1.28; letter-spacing: -0.018em; text-wrap: pretty; }
.kiosk .pictures img { height: 5em; border-radius: 0.6em; }
.kiosk .dock { gap: 0; padding: 0; }
.kiosk .talk { width: var(--hark-orb-size, 38cqmin); }
.kiosk .status { font-size: 1.15em; }
.kiosk .keyboard { width: min(90cqw, 30em); max-width: none; margin-top: 1em; padding: 0.3em; }
.kiosk .keyboard button { width: 2.6em; height: 2.6em; }
.kiosk .preview { right: 2em; bottom: 2em; width: min(24cqmin, 12em); border-radius: 1em; }
.kiosk .end { position: absolute; top: 1.6em; right: 1.8em; display: block; padding: 0.55em 1.4em; border: 1px solid color-mix(in srgb, var(--ink) 22%, transparent); border-radius: 999px; background: none; }
.kiosk .notice { top: 1.8em; max-width: 34em; padding: 0.8em 1.5em; font-size: 1em; }
.kiosk .notice[data-kind='calm'] { z-index: 2; top: auto; bottom: 22cqh; border: 0; background: none; font-size: 1.7em; font-weight: 600; letter-spacing: -0.02em; }
.kiosk:not([data-state='asleep']) .notice[data-kind='calm'] { top: 1.4em; bottom: auto; }
.kiosk.paged .side { padding-top: 2em; }
.kiosk .page { margin: 3em 1em 3em 3em; padding: 2em; border-radius: 1.6em; background: var(--surface); box-shadow: 0 1px 2px rgb(0 0 0 / 6%), 0 1.2em 3.5em rgb(10 40 40 / 14%); }
.kiosk .page h2 { font-size: 2em; }
.kiosk .page p { font-size: 1.45em; line-height: 1.75; }
.kiosk .page:not(.filled) { align-self: center; max-height: calc(100% - 6em); }
.kiosk.paged li:nth-last-child(n + 3) { display: none; }
.brand { grid-row: 1; padding: 1rem 1.25rem 0; font-size: 1.1rem; font-weight: 650; letter-spacing: -0.015em; }
.root .brand:empty { display: none; }
.kiosk .brand { padding: 0; position: absolute; top: 2em; left: 3em; display: block; max-width: calc(100% - 14em); font-size: 1em; font-weight: 620; letter-spacing: -0.01em; color: var(--quiet); }
.kiosk.paged .brand { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.kiosk .captions:not(:has(li))::after { font-size: 1.7em; }
.kiosk > .scene { grid-template: minmax(0, 1fr) / minmax(0, 1fr); }
.kiosk .side { grid-row: auto; }
:not(.kiosk) > .scene > .page { position: absolute; inset: 0; z-index: 2; background: var(--surface); }
@container (aspect-ratio > 1/1) {
  .kiosk.paged > .scene { grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr); }
  .kiosk.paged .assistant { font-size: 1.7em; }
}
@container (aspect-ratio <= 1/1) {
  .kiosk.paged > .scene { grid-template-rows: minmax(0, 1.25fr) minmax(0, 1fr); }
  .kiosk .page { margin: 5.5em 3em 0; }
  .kiosk .page:not(.filled) { align-self: end; }
}

.kiosk .card { font-size: 1.35em; gap: 0.7em; }

.kiosk .attract { display: grid; grid-template-rows: minmax(0, 1fr) auto minmax(0, 1fr); justify-items: center; align-items: center; padding: 2em 3em; text-align: center; cursor: pointer; animation: appear 0.7s; }
.words { align-self: end; display: grid; justify-items: center; gap: 0.6em; padding-bottom: 0.5em; }
.words img { max-height: 5em; max-width: 60cqw; margin-bottom: 0.6em; }
.title { font-size: 3.5em; font-weight: 660; line-height: 1.08; letter-spacing: -0.035em; text-wrap: balance; }
.subtitle { max-width: 30em; font-size: 1.4em; line-height: 1.4; color: var(--quiet); text-wrap: balance; }
.kiosk .attract canvas { width: min(70cqmin, 47cqh); }
.call { align-self: start; display: grid; justify-items: center; gap: 1.1em; padding-top: 0.4em; }
.hint { min-height: 1.5em; font-size: 1.45em; text-wrap: balance; }
.hint span { animation: arrive 0.7s; display: inline-block; }
.touch { margin: 0; padding: 0.85em 2.2em; font-size: 1.25em; box-shadow: 0 0.5em 1.8em color-mix(in srgb, var(--accent) 28%, transparent); }
.more { color: var(--quiet); font-size: 1.15em; margin-top: 4.2em; }
.kiosk > .scene { transition: opacity 0.4s; }
.kiosk[data-state='asleep'] > .scene { opacity: 0; }

@media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation-duration: 0.01ms !important; animation-iteration-count: 1 !important; transition-duration: 0.01ms !important; } }
@keyframes breathe { 50% { opacity: 0.15; } }
@keyframes arrive { from { opacity: 0; transform: translateY(0.5rem); } }
@keyframes appear { from { opacity: 0; } }
`;

// sheet is shared by all elements of a page. A page's content security policy
// has no say in it, since it is made here and not written into the page.
export const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
