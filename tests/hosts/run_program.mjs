//! Runs one Python program in a fresh interpreter and tells what a process of it would have left behind. For Node and for pages.

/** `program` has `source`, `path` and the `files` beside it; `options` are those of `Psycore.load`, and `timeout` in milliseconds. */
export async function runProgram(Psycore, program, { timeout, ...options }) {
  const { source, path, files } = program;
  const outcome = { end: "exit status: 0", stdout: "", stderr: "" };
  const streams = { onStdout: (text) => (outcome.stdout += text), onStderr: (text) => (outcome.stderr += text) };
  const vm = await Psycore.load({ ...options, ...streams, argv: [path], files });
  try {
    await vm.run(source, { file: path, globals: { __file__: path }, timeout });
  } catch (error) {
    outcome.end =
      error.exitCode !== undefined
        ? `exit status: ${error.exitCode & 255}`
        : error.traceback !== undefined
          ? "exit status: 1"
          : `${error.name}: ${error.message}`;
    outcome.stderr += error.traceback ?? "";
  } finally {
    vm.dispose();
  }
  return outcome;
}
