//! What `explain` tells of a program: the data of `psycore explain`.

/** Compiled code was left here. */
export interface ExplainedExit {
  reason: string;
  /** The instruction of the bytecode. */
  instruction: string;
  count: number;
}

export interface ExplainedLine {
  /** From 1. */
  line: number;
  /** Milliseconds, sampled; 0 where nothing was measured. */
  time: number;
  /** Whether there is compiled code for it. */
  compiled: boolean;
  /** The types that it was compiled for, `name: type`. */
  types: string[];
  exits: ExplainedExit[];
  /** Why code that begins here was not compiled. */
  refusals: string[];
}

/** A compiled loop or function. */
export interface ExplainedUnit {
  line: number;
  title: string;
  /** The intermediate representation, as text. */
  ir: string;
  /** What was emitted, as text; may be empty. */
  listing: string;
  /** Size of what was emitted. */
  bytes: number;
  /** Whether a later one took its place. */
  replaced: boolean;
}

export interface ExplainedFile {
  path: string;
  source: string[];
  lines: ExplainedLine[];
  units: ExplainedUnit[];
}

export interface Explanation {
  files: ExplainedFile[];
}
