"""A small neural network that learns by back-propagation.

    ./x run examples/bpnn.py

Two inputs, one hidden layer, one output; it learns the exclusive or, and then to tell points
inside a circle from points outside. Classes, lists of lists of floats and math.tanh, and not a
line written for speed: the kind of program that Psycore is for.
"""

import math


class Random:
    """A linear congruential generator, so that every run on every machine is the same."""

    def __init__(self, seed):
        self.state = seed

    def between(self, low, high):
        self.state = (self.state * 1103515245 + 12345) % 2147483648
        return low + (high - low) * self.state / 2147483648


def matrix(rows, columns, value=None):
    return [[value() if value else 0.0 for _ in range(columns)] for _ in range(rows)]


class Network:
    def __init__(self, inputs, hidden, outputs, random):
        # The last input and the last hidden unit are always 1: they give the others a threshold.
        self.input = [1.0] * (inputs + 1)
        self.hidden = [1.0] * (hidden + 1)
        self.output = [0.0] * outputs
        self.to_hidden = matrix(inputs + 1, hidden, lambda: random.between(-0.5, 0.5))
        self.to_output = matrix(hidden + 1, outputs, lambda: random.between(-0.5, 0.5))
        self.hidden_change = matrix(inputs + 1, hidden)
        self.output_change = matrix(hidden + 1, outputs)

    def run(self, inputs):
        for i in range(len(inputs)):
            self.input[i] = inputs[i]
        for j in range(len(self.hidden) - 1):
            total = 0.0
            for i in range(len(self.input)):
                total += self.input[i] * self.to_hidden[i][j]
            self.hidden[j] = math.tanh(total)
        for k in range(len(self.output)):
            total = 0.0
            for j in range(len(self.hidden)):
                total += self.hidden[j] * self.to_output[j][k]
            self.output[k] = math.tanh(total)
        return self.output

    def learn(self, targets, rate, momentum):
        """Moves the weights towards what would have given `targets`; returns the error."""
        output_deltas = []
        for k in range(len(targets)):
            error = targets[k] - self.output[k]
            output_deltas.append(error * (1.0 - self.output[k] ** 2))
        hidden_deltas = []
        for j in range(len(self.hidden) - 1):
            error = 0.0
            for k in range(len(output_deltas)):
                error += output_deltas[k] * self.to_output[j][k]
            hidden_deltas.append(error * (1.0 - self.hidden[j] ** 2))

        adjust(self.to_output, self.output_change, self.hidden, output_deltas, rate, momentum)
        adjust(self.to_hidden, self.hidden_change, self.input, hidden_deltas, rate, momentum)
        return sum(0.5 * (t - o) ** 2 for t, o in zip(targets, self.output))

    def train(self, patterns, rounds, rate=0.2, momentum=0.3):
        for round in range(rounds):
            error = 0.0
            for inputs, targets in patterns:
                self.run(inputs)
                error += self.learn(targets, rate, momentum)
            if round % (rounds // 4) == 0:
                print(f"  round {round:4}: error {error:.5f}")


def adjust(weights, changes, values, deltas, rate, momentum):
    for i in range(len(values)):
        for j in range(len(deltas)):
            change = rate * deltas[j] * values[i] + momentum * changes[i][j]
            weights[i][j] += change
            changes[i][j] = change


def exclusive_or():
    print("exclusive or")
    patterns = [([0, 0], [0]), ([0, 1], [1]), ([1, 0], [1]), ([1, 1], [0])]
    network = Network(2, 3, 1, Random(4))
    network.train(patterns, 4000)
    for inputs, _ in patterns:
        print(f"  {inputs} -> {network.run(inputs)[0]:.2f}")


def circle():
    print("points in a circle")
    random = Random(7)
    patterns = []
    for _ in range(120):
        x, y = random.between(-1.0, 1.0), random.between(-1.0, 1.0)
        inside = math.sqrt(x * x + y * y) < 0.7
        patterns.append(([x, y], [0.8 if inside else -0.8]))
    network = Network(2, 8, 1, random)
    network.train(patterns, 300, rate=0.03, momentum=0.5)
    right = sum((network.run(inputs)[0] > 0) == (targets[0] > 0) for inputs, targets in patterns)
    print(f"  {right} of {len(patterns)} told apart")


if __name__ == "__main__":
    exclusive_or()
    circle()
