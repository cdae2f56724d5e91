/** The page of `edgewise label`; its code is page.ts. */
export const LABEL_HTML = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Label · Edgewise</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="page.css" />
    <script type="module" src="page.js"></script>
  </head>
  <body>
    <header>
      <p id="count" role="status">Loading</p>
      <progress id="bar" max="1" value="0" aria-label="Labelled"></progress>
    </header>
    <main>
      <h1 id="question" class="soft"></h1>
      <p id="text" dir="auto"></p>
      <dl id="answers" hidden></dl>
      <input id="filter" type="text" autocomplete="off" spellcheck="false" hidden
        aria-label="Find a label" aria-controls="options" placeholder="Type a part of the label" />
      <ol id="options" aria-labelledby="question"></ol>
      <p id="problem" role="alert" hidden></p>
    </main>
    <footer>
      <button id="skip" type="button">Skip <kbd>Esc</kbd></button>
      <button id="undo" type="button">Undo <kbd>Ctrl Z</kbd></button>
      <button id="done" type="button">Done <kbd>Ctrl Enter</kbd></button>
      <p id="keys" class="soft" role="status"></p>
    </footer>
  </body>
</html>
`;

export const LABEL_STYLE = `:root { color-scheme: light dark; --line: #8f8c86; --soft: #5a5d66; --accent: #2443bf; }
@media (prefers-color-scheme: dark) { :root { --soft: #a3a6ae; --accent: #a3b6ff; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { max-width: 46rem; margin: 0 auto; padding: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; }
header, footer { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; }
header p, footer p, h1 { margin: 0; }
progress { flex: 1; accent-color: var(--accent); }
h1 { font-size: 1rem; font-weight: 400; margin-top: 1.5rem; }
.soft { color: var(--soft); }
#text { font-size: 1.25rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 40vh; overflow: auto; margin: 0.5rem 0 1rem; }
dl { margin: 0 0 1rem; }
dt { color: var(--soft); }
dd { margin: 0 0 0.5rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 30vh; overflow: auto; }
input { width: 100%; font: inherit; padding: 0.5rem 0.75rem; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; }
ol { list-style: none; padding: 0; margin: 0.75rem 0; display: flex; flex-wrap: wrap; gap: 0.5rem; }
button { font: inherit; padding: 0.375rem 0.75rem; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; cursor: pointer; text-align: start; }
button[data-active] { border-color: var(--accent); outline: 2px solid var(--accent); }
button:disabled { opacity: 0.5; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
kbd { font: 0.8em ui-monospace, monospace; color: var(--soft); }
#problem { border-inline-start: 3px solid #a32514; padding-inline-start: 0.75rem; }
`;
