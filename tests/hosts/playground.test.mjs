//! The playground in a real Chromium, as people use it. After `./x playground` has built it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { serve } from "../../playground/serve.mjs";
import { startChromium } from "./chromium.mjs";

const DIST = fileURLToPath(new URL("../../playground/dist/", import.meta.url));
const TIMEOUT = { timeout: 600_000 };

/** A playground that was just opened, and what a user does with it. */
async function open(options = {}) {
  const server = await serve(DIST, options);
  const chromium = await startChromium(options.browser);
  const { context } = chromium;
  const address = `http://localhost:${server.address().port}/`;
  const foreign = [];
  const problems = [];
  context.on("request", (request) => {
    const { url } = { url: request.url() };
    if (!url.startsWith(address) && !url.startsWith("data:")) foreign.push(url);
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const status = () => page.textContent("#status");
  const until = (pattern) =>
    page
      .waitForFunction(
        (source) => new RegExp(source).test(document.querySelector("#status")?.textContent ?? ""),
        pattern.source,
        { timeout: 300_000 },
      )
      .catch(async () => assert.fail(`the status is "${await status()}", not ${pattern}`));
  const user = {
    page,
    context,
    server,
    address,
    foreign,
    problems,
    status,
    until,
    goto: async (hash = "") => {
      await page.goto(address + hash);
      await until(/Ready/);
    },
    code: () =>
      page.evaluate(
        () =>
          document.querySelector(".cm-content").cmTile?.view?.state.doc.toString() ??
          [...document.querySelectorAll(".cm-line")].map((l) => l.textContent).join("\n"),
      ),
    write: async (code) => {
      await page.click(".cm-content");
      await page.keyboard.press("Control+a");
      // As pasted: typing would indent and close brackets.
      await page.keyboard.insertText(code);
    },
    run: async (code, mode = "jit") => {
      await page.selectOption("#mode", mode);
      await user.write(code);
      await page.keyboard.press("Control+Enter");
    },
    output: () => page.textContent("#console"),
    close: async () => {
      await chromium.close();
      server.close();
    },
  };
  return user;
}

describe("playground", () => {
  let user;
  before(async () => {
    user = await open();
    await user.goto();
  });
  after(() => user?.close());

  test("runs a program with Ctrl-Enter and shows its output", TIMEOUT, async () => {
    await user.run("print('hello', 6 * 7)");
    await user.until(/^JIT [\d.]+ s$/);
    assert.equal(await user.output(), "hello 42\n");
  });

  test("runs on both engines and shows both times", TIMEOUT, async () => {
    await user.run("s = 0\nfor i in range(200000): s += i\nprint(s)", "both");
    await user.until(/^JIT [\d.]+ s, interpreter [\d.]+ s$/);
    assert.equal(await user.output(), "19999900000\n");
  });

  test("marks an error in the editor at its line", TIMEOUT, async () => {
    await user.run("def f():\n    return 1 / 0\n\nprint('before')\nf()");
    await user.until(/ZeroDivisionError: division by zero/);
    assert.match(await user.output(), /^before\nTraceback[^]*main\.py", line 2[^]*ZeroDivisionError/);
    assert.equal(await user.page.textContent(".cm-line:has(.cm-lintRange-error)"), "    return 1 / 0");
    assert.equal(await user.page.locator(".cm-lint-marker-error").count(), 1);
    await user.run("x = (1,\nprint(2)");
    await user.until(/SyntaxError/);
    assert.equal(await user.page.locator(".cm-lint-marker-error").count(), 1);
  });

  test("input() waits for a line, and takes lines typed before", TIMEOUT, async () => {
    await user.page.fill("#line", "early");
    await user.page.keyboard.press("Enter");
    await user.run("a = input('first? ')\nb = input('second? ')\nprint([a, b])", "both");
    await user.until(/waits for input/);
    assert.equal(await user.page.evaluate(() => document.activeElement.id), "line");
    await user.page.keyboard.type("late");
    await user.page.keyboard.press("Enter");
    await user.until(/^JIT [\d.]+ s, interpreter [\d.]+ s$/);
    assert.match(await user.output(), /\['early', 'late'\]/);
    await user.run("import sys\nprint(len(sys.stdin.read()))");
    await user.until(/waits for input/);
    await user.page.click("#end");
    await user.until(/^JIT/);
    assert.equal(await user.output(), "0\n");
  });

  test("streams, and Stop ends a busy loop", TIMEOUT, async () => {
    await user.run("print('begun')\nwhile True: pass");
    await user.page.waitForFunction(() => document.querySelector("#console").textContent.includes("begun"));
    await user.page.click("#stop");
    await user.until(/stopped after/);
    await user.run("print('again')");
    await user.until(/^JIT [\d.]+ s$/);
    assert.equal(await user.output(), "again\n");
  });

  test("cuts a flood politely", TIMEOUT, async () => {
    await user.run("for i in range(100000): print('line', i)\nprint('the end')");
    await user.until(/^JIT [\d.]+ s$/);
    const text = await user.output();
    assert.match(text, /^line 0\n[^]*… [\d,]+ lines \([\d,]+ characters\) are not shown …[^]*line 99999\nthe end\n$/);
    assert.ok(text.length < 150_000, `${text.length} characters are shown`);
    assert.equal(await user.page.getAttribute("#console", "aria-live"), "off");
  });

  test("draws the picture of the Mandelbrot example", TIMEOUT, async () => {
    await user.page.selectOption("#mode", "jit");
    await user.page.selectOption("#example", { label: "Mandelbrot picture" });
    await user.page.click("#run");
    await user.until(/^JIT [\d.]+ s$/);
    const canvas = user.page.locator("#console canvas");
    await canvas.waitFor();
    assert.equal(await canvas.getAttribute("aria-label"), "mandelbrot.ppm, 480 by 360 pixels");
    const centre = await canvas.evaluate((c) => [...c.getContext("2d").getImageData(330, 180, 1, 1).data]);
    assert.deepEqual(centre, [0, 0, 0, 255]);
  });

  for (const name of ["First steps", "Neural network (bpnn)", "Planets (nbody)", "N queens", "Word count", "Game of life"]) {
    test(`the example "${name}" runs`, TIMEOUT, async () => {
      await user.page.selectOption("#mode", "jit");
      await user.page.selectOption("#example", { label: name });
      await user.page.click("#run");
      await user.until(/^JIT [\d.]+ s$/);
      assert.ok((await user.output()).length > 20);
    });
  }

  test("shows what was compiled, line by line and as WebAssembly", TIMEOUT, async () => {
    await user.run("s = 0\nfor i in range(1000000): s += i * i % 7\nprint(s)");
    await user.until(/^JIT [\d.]+ s$/);
    await user.page.click("#tab-compiled");
    const lines = user.page.locator("table.lines");
    assert.match(await lines.locator("tr.compiled").first().textContent(), /compiled · .*int/);
    assert.ok((await user.page.locator(".scroller").boundingBox()).height > 60, "the lines can't be seen");
    await user.page.locator("details:has-text('Module 1') summary").click();
    await user.page.waitForFunction(() => document.querySelector("#panel-compiled").textContent.includes("(module"));
    await user.page.click("#tab-output");
  });

  test("a link carries the program", TIMEOUT, async () => {
    await user.write("print('shared ✓')");
    await user.page.click("#share");
    await user.until(/link/);
    const link = user.page.url();
    assert.match(link, /#code=[\w-]+$/);
    const other = await user.context.newPage();
    await other.goto("about:blank");
    await other.evaluate(() => 0);
    await other.goto(link);
    await other.waitForSelector(".cm-line");
    assert.equal(await other.textContent(".cm-content"), "print('shared ✓')");
    await other.close();
  });

  test("the last program is there after a reload, also offline", TIMEOUT, async () => {
    await user.page.goto(user.address);
    await user.until(/Ready/);
    await user.write("print('kept')");
    // A second load: the first one has brought the service worker.
    await user.page.reload();
    await user.until(/Ready/);
    assert.equal(await user.page.textContent(".cm-content"), "print('kept')");
    user.server.closeAllConnections();
    await new Promise((resolve) => user.server.close(resolve));
    await user.page.reload();
    await user.until(/Ready/);
    await user.page.click(".cm-content");
    await user.page.keyboard.press("Control+Enter");
    await user.until(/JIT [\d.]+ s/);
    assert.equal(await user.output(), "kept\n");
  });

  test("asked no other host for anything, and nothing failed", () => {
    assert.deepEqual(user.foreign, []);
    assert.deepEqual(
      user.problems.filter((text) => !/ERR_CONNECTION_REFUSED/.test(text)),
      [],
    );
  });
});

describe("playground on a host that sends no headers", () => {
  let user;
  before(async () => {
    user = await open({ isolated: false });
    await user.goto();
  });
  after(() => user?.close());

  test("becomes isolated by its service worker", TIMEOUT, async () => {
    assert.equal(await user.page.evaluate(() => crossOriginIsolated), true);
    await user.run("print(input())");
    await user.until(/waits for input/);
    await user.page.keyboard.type("x\n");
    await user.until(/^JIT/);
  });
});

describe("playground on a phone, in the dark", () => {
  let user;
  before(async () => {
    user = await open({ browser: { viewport: { width: 360, height: 640 }, colorScheme: "dark", hasTouch: true } });
    await user.goto();
  });
  after(() => user?.close());

  test("fits its width", TIMEOUT, async () => {
    await user.run("print('x' * 500)");
    await user.until(/^JIT/);
    const [scroll, client] = await user.page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    assert.ok(scroll <= client, `${scroll} pixels wide on a screen of ${client}`);
  });

  test("follows the system's colours until it is told otherwise", TIMEOUT, async () => {
    const background = () => user.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await user.page.selectOption("#theme", "light");
    const light = await background();
    assert.notEqual(dark, light);
    await user.page.reload();
    assert.equal(await background(), light);
  });

  test("everything has a name and is reached with the keyboard", TIMEOUT, async () => {
    const nameless = await user.page.evaluate(() =>
      [...document.querySelectorAll("button, select, input, [role=tab], [role=log], [role=textbox]")]
        .filter((e) => !(e.ariaLabel || e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
        .map((e) => e.outerHTML),
    );
    assert.deepEqual(nameless, []);
    await user.page.evaluate(() => document.activeElement.blur());
    const seen = [];
    for (let i = 0; i < 16; i++) {
      await user.page.keyboard.press("Tab");
      // Tab indents in the editor; Escape lets it go.
      const id = await user.page.evaluate(() => document.activeElement.id || document.activeElement.className);
      if (id.includes("cm-content")) await user.page.keyboard.press("Escape");
      seen.push(id.includes("cm-content") ? "editor" : id);
    }
    for (const id of ["run", "reset", "mode", "example", "share", "theme", "editor", "tab-output", "console", "line", "end"])
      assert.ok(seen.includes(id), `${id} is not among ${seen}`);
  });
});
