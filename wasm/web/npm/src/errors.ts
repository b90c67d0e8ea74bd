//! What can go wrong in a run, as classes.

/** A place in Python source. */
export interface PythonFrame {
  file: string;
  /** From 1. */
  line: number;
  /** From 1, or null where it is not known. */
  column: number | null;
}

/** What the guest says of an exception. */
export interface GuestProblem {
  class: string;
  message: string;
  traceback: string;
  frames: [string, number, number | null][];
}

/** A Python exception that nobody caught. `name` is the class of the exception, so that `String(error)` reads as in Python. */
export class PythonError extends Error {
  /** Name of the exception's class, for example "ZeroDivisionError". */
  readonly type: string;
  /** The text that Python prints, `type: message` at its end. */
  readonly traceback: string;
  /** The calls that led there, the innermost last. For a SyntaxError the last one is the place in the source. */
  readonly frames: PythonFrame[];
  /** What `sys.exit` was called with, if this is a SystemExit. */
  readonly exitCode?: number;

  constructor(problem: GuestProblem, exitCode?: number) {
    super(problem.message);
    this.name = problem.class;
    this.type = problem.class;
    this.traceback = problem.traceback;
    this.frames = problem.frames.map(([file, line, column]) => ({ file, line, column }));
    if (exitCode !== undefined) this.exitCode = exitCode;
  }
}

/** A run that its signal or its time limit ended. Its name is "AbortError". */
export class Aborted extends Error {
  /** Whether the interpreter had to be thrown away. If so, globals, files and handles are gone, and the next run starts with a fresh one. */
  readonly stateLost: boolean;

  constructor(message: string, stateLost: boolean, cause?: unknown) {
    super(message, { cause });
    this.name = "AbortError";
    this.stateLost = stateLost;
  }
}

/** The guest trapped or ended itself. Its state is lost; the next run starts with a fresh one. */
export class GuestCrash extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "GuestCrash";
  }
}
