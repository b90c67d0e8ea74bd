"""An interpreter inside the interpreter: an assembler and a stack machine with a dispatch chain, run twice over."""
import sys

PUSH, ADD, SUB, MUL, DIV, DUP, SWAP, POP, LOAD, STORE, JUMP, JZ, LESS, CALL, RET, PRINT, HALT = range(17)
NAMES = "PUSH ADD SUB MUL DIV DUP SWAP POP LOAD STORE JUMP JZ LESS CALL RET PRINT HALT".split()
WITH_OPERAND = {PUSH, LOAD, STORE, JUMP, JZ, CALL}


class MachineError(Exception):
    def __init__(self, message, pc):
        super().__init__("at %d: %s" % (pc, message))
        self.pc = pc


def assemble(source):
    code = []
    labels = {}
    holes = []
    for line in source.splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        if line.endswith(":"):
            labels[line[:-1]] = len(code)
            continue
        name, *operands = line.split()
        op = NAMES.index(name.upper())
        code.append(op)
        if op in WITH_OPERAND:
            operand, = operands
            if operand.lstrip("-").isdigit():
                code.append(int(operand))
            elif op in (LOAD, STORE):
                code.append(operand)
            else:
                holes.append((len(code), operand))
                code.append(None)
    for index, label in holes:
        code[index] = labels[label]
    return code


def run(code, limit=200000):
    stack = []
    calls = []
    variables = {}
    output = []
    pc = 0
    executed = 0
    try:
        while True:
            op = code[pc]
            executed += 1
            if executed > limit:
                raise MachineError("step limit", pc)
            pc += 1
            if op == PUSH:
                stack.append(code[pc])
                pc += 1
            elif op == ADD:
                b = stack.pop()
                stack[-1] = stack[-1] + b
            elif op == SUB:
                b = stack.pop()
                stack[-1] -= b
            elif op == MUL:
                b = stack.pop()
                stack[-1] *= b
            elif op == DIV:
                b = stack.pop()
                stack[-1] //= b
            elif op == DUP:
                stack.append(stack[-1])
            elif op == SWAP:
                stack[-1], stack[-2] = stack[-2], stack[-1]
            elif op == POP:
                stack.pop()
            elif op == LOAD:
                stack.append(variables[code[pc]])
                pc += 1
            elif op == STORE:
                variables[code[pc]] = stack.pop()
                pc += 1
            elif op == JUMP:
                pc = code[pc]
            elif op == JZ:
                if stack.pop():
                    pc += 1
                else:
                    pc = code[pc]
            elif op == LESS:
                b = stack.pop()
                stack[-1] = 1 if stack[-1] < b else 0
            elif op == CALL:
                calls.append(pc + 1)
                pc = code[pc]
            elif op == RET:
                pc = calls.pop()
            elif op == PRINT:
                output.append(stack.pop())
            elif op == HALT:
                return output, executed, variables
            else:
                raise MachineError("bad opcode %r" % op, pc - 1)
    except (IndexError, KeyError, ZeroDivisionError) as problem:
        raise MachineError("%s: %s" % (type(problem).__name__, problem), pc) from problem


SUM = """
    push 0
    store total
    push 0
    store i
again:
    load i
    push 3000
    less
    jz done
    load total
    load i
    dup
    mul
    add
    store total
    load i
    push 1
    add
    store i
    jump again
done:
    load total
    print
    halt
"""
FACTORIAL = """
    push 1
    store acc
    push 30
    store n
    call fact
    load acc
    print
    halt
fact:
    load n
    push 2
    less
    jz more
    ret
more:
    load acc
    load n
    mul
    store acc
    load n
    push 1
    sub
    store n
    call fact
    ret
"""

for source in (SUM, FACTORIAL, SUM):
    output, executed, variables = run(assemble(source))
    print(output, executed, sorted(variables.items()))

for broken in ("push 1\npush 0\ndiv\nhalt", "pop\nhalt", "load x\nhalt", "top:\njump top", "push 4"):
    try:
        print(run(assemble(broken), 5000))
    except MachineError as problem:
        cause = problem.__cause__
        print(type(cause).__name__, problem.pc)
        print(problem, file=sys.stderr)
try:
    run([PUSH, 2, 99])
except MachineError as problem:
    print(problem)
try:
    assemble("fly 1")
except ValueError as problem:
    print("unknown:", "FLY" in str(problem) or "not in list" in str(problem))
