//! The programs that can be chosen.

import bpnn from "./examples/bpnn.py?raw";
import hello from "./examples/hello.py?raw";
import life from "./examples/life.py?raw";
import mandelbrot from "./examples/mandelbrot.py?raw";
import nbody from "./examples/nbody.py?raw";
import queens from "./examples/queens.py?raw";
import words from "./examples/words.py?raw";

export const EXAMPLES: { name: string; code: string }[] = [
  { name: "First steps", code: hello },
  { name: "Neural network (bpnn)", code: bpnn },
  { name: "Mandelbrot picture", code: mandelbrot },
  { name: "Planets (nbody)", code: nbody },
  { name: "N queens", code: queens },
  { name: "Word count", code: words },
  { name: "Game of life", code: life },
];
