//! The page: puts editor, console, input and panel together.

import { Psycore } from "psycore";
import { Console } from "./console";
import { Editor } from "./editor";
import { EXAMPLES } from "./examples";
import * as explain from "./explain";
import { Input } from "./input";
import { startServiceWorker } from "./isolation";
import { draw } from "./picture";
import { type Engine, FILE, type Outcome, Runner } from "./runner";
import { codeInLink, linkTo } from "./share";
import { keep, recall } from "./store";

function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

const [runButton, stopButton, resetButton, shareButton] = ["run", "stop", "reset", "share"].map((id) =>
  byId<HTMLButtonElement>(id),
);
const [modeSelect, exampleSelect, themeSelect] = ["mode", "example", "theme"].map((id) => byId<HTMLSelectElement>(id));
const status = byId("status");
const inputForm = byId<HTMLFormElement>("input");
const lineInput = byId<HTMLInputElement>("line");
const compiledPanel = byId("panel-compiled");

const output = new Console(byId("console"));
const runner = new Runner();
const input = new Input(
  (waiting) => {
    inputForm.classList.toggle("waiting", waiting);
    if (!waiting) return;
    say("The program waits for input.");
    selectTab("output");
    lineInput.focus();
  },
  (line) => output.write("echo", line),
);

/** What stops the running program; null if none runs. */
let running: AbortController | null = null;
let editor: Editor;

function say(text: string, failed = false): void {
  status.textContent = text;
  status.classList.toggle("failed", failed);
}

// Times: three digits at most, so that "0.04 s" and "1.9 s" can be compared at a glance.
function seconds(time: number): string {
  return `${time < 0.1 ? time.toFixed(3) : time < 10 ? time.toFixed(2) : time.toFixed(1)} s`;
}

const NAMES: Record<Engine, string> = { jit: "JIT", interpreter: "interpreter" };

async function run(): Promise<void> {
  if (running !== null) return;
  const stop = (running = new AbortController());
  const code = editor.code;
  const engines: Engine[] = modeSelect.value === "both" ? ["jit", "interpreter"] : [modeSelect.value as Engine];
  runButton.disabled = true;
  stopButton.disabled = false;
  output.clear();
  editor.clearMarks();
  input.start();
  explain.showNothing(compiledPanel, "The program runs…");
  selectTab("output");
  const times: string[] = [];
  try {
    for (const [i, engine] of engines.entries()) {
      const first = i === 0;
      const progress = ticking(times, NAMES[engine]);
      let outcome: Outcome;
      try {
        await runner.prepare(engine);
        outcome = await runner.run(
          engine,
          code,
          first ? input : input.given,
          stop.signal,
          (kind, text) => first && output.write(kind, text),
        );
      } finally {
        clearInterval(progress);
      }
      times.push(`${NAMES[engine]} ${outcome.stopped ? "stopped after " : ""}${seconds(outcome.seconds)}`);
      if (first) await finish(engine, code, outcome);
      else say(times.join(", "));
      runner.refresh(engine);
      if (outcome.stopped || (first && outcome.problem !== null)) break;
    }
  } catch (error) {
    say(`Python could not be started: ${error instanceof Error ? error.message : error}`, true);
    runner.reset();
  } finally {
    input.stop();
    running = null;
    runButton.disabled = false;
    stopButton.disabled = true;
  }

  /** Shows what the first run left. */
  async function finish(engine: Engine, code: string, { problem, stopped }: Outcome): Promise<void> {
    if (problem !== null) output.write("stderr", problem.text);
    if (stopped) output.write("note", "The program was stopped.\n");
    output.flush();
    say(times.join(", ") + (problem === null ? "" : `. ${problem.summary}`), problem !== null);
    if (problem?.place) editor.mark(problem.place, problem.summary);
    if (engine !== "jit")
      return explain.showNothing(compiledPanel, "The interpreter compiles nothing. Run the program with the JIT.");
    const left = await runner.leftovers();
    for (const { name, bytes } of left.pictures) {
      const picture = draw(name, bytes);
      if (picture !== null) output.add(picture);
    }
    explain.show(compiledPanel, left, code, (line) => editor.goTo(line));
  }
}

/** Shows that time passes. Screen readers are told only what comes of it. */
function ticking(done: string[], name: string): ReturnType<typeof setInterval> {
  const begin = performance.now();
  say([...done, `${name} runs…`].join(", "));
  return setInterval(() => {
    if (inputForm.classList.contains("waiting")) return;
    status.setAttribute("aria-live", "off");
    say([...done, `${name} runs, ${((performance.now() - begin) / 1000).toFixed(1)} s`].join(", "));
    status.removeAttribute("aria-live");
  }, 500);
}

function stop(): void {
  running?.abort();
}

function reset(): void {
  stop();
  runner.reset();
  output.clear();
  editor.clearMarks();
  explain.showNothing(compiledPanel, "Run a program to see what becomes of it.");
  void load();
}

async function load(): Promise<void> {
  say("Loading Python…");
  try {
    await runner.prepare("jit");
    if (running === null) say("Ready.");
  } catch (error) {
    say(`Python could not be loaded: ${error instanceof Error ? error.message : error}`, true);
  }
}

async function share(): Promise<void> {
  const link = await linkTo(editor.code);
  history.replaceState(null, "", link);
  try {
    await navigator.clipboard.writeText(link);
    say("The link is copied. It carries the whole program.");
  } catch {
    say("The link is in the address bar. It carries the whole program.");
  }
}

const TABS = ["output", "compiled"] as const;

function selectTab(name: (typeof TABS)[number], focus = false): void {
  for (const each of TABS) {
    const tab = byId(`tab-${each}`);
    tab.setAttribute("aria-selected", String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
    byId(`panel-${each}`).hidden = each !== name;
    if (focus && each === name) tab.focus();
  }
}

function setTheme(theme: string): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  keep("theme", theme === "auto" ? null : theme);
}

async function start(): Promise<void> {
  themeSelect.value = recall("theme") ?? "auto";
  setTheme(themeSelect.value);
  modeSelect.value = recall("mode") ?? "both";
  // Before the editor is there: the page may be loaded a second time.
  await startServiceWorker();

  const shared = await codeInLink();
  const code = shared ?? recall("code") ?? EXAMPLES[0].code;
  editor = new Editor(
    byId("editor"),
    code,
    (changed) => keep("code", changed),
    () => void run(),
  );
  if (shared !== null) keep("code", shared);

  exampleSelect.append(new Option("choose…", ""), ...EXAMPLES.map(({ name }, i) => new Option(name, String(i))));
  exampleSelect.onchange = () => {
    const example = EXAMPLES[Number(exampleSelect.value)];
    if (exampleSelect.value === "" || example === undefined) return;
    editor.code = example.code;
    // The address would bring back another program.
    history.replaceState(null, "", location.pathname + location.search);
    exampleSelect.value = "";
    say(`${example.name}: press Run.`);
  };
  runButton.onclick = () => void run();
  stopButton.onclick = stop;
  resetButton.onclick = reset;
  shareButton.onclick = () => void share();
  themeSelect.onchange = () => setTheme(themeSelect.value);
  modeSelect.onchange = () => keep("mode", modeSelect.value);
  inputForm.onsubmit = (event) => {
    event.preventDefault();
    input.type(lineInput.value);
    lineInput.value = "";
  };
  byId("end").onclick = () => input.end();
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) void run();
  });
  addEventListener("hashchange", async () => {
    const code = await codeInLink();
    if (code !== null) editor.code = code;
  });
  for (const [i, name] of TABS.entries()) {
    const tab = byId(`tab-${name}`);
    tab.onclick = () => selectTab(name);
    tab.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step !== undefined) selectTab(TABS[(i + step + TABS.length) % TABS.length], true);
    };
  }
  explain.showNothing(compiledPanel, `Run a program to see what becomes of it. Its lines are those of ${FILE}.`);
  await load();
  // Programs run without it as well.
  Psycore.warmUp().catch(() => {});
}

void start();
