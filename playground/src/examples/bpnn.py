"""A network of three layers learns XOR by back-propagation: methods, lists of lists of floats, math.tanh."""
import math

EPOCHS = 6000


class Random:
    """A small linear congruential generator, so that every implementation starts from the same weights."""

    def __init__(self, seed):
        self.state = seed

    def between(self, low, high):
        self.state = (self.state * 1103515245 + 12345) % 2147483648
        return low + (high - low) * (self.state / 2147483648.0)


def make_matrix(rows, columns, random, spread):
    return [[random.between(-spread, spread) for _ in range(columns)] for _ in range(rows)]


class Network:
    def __init__(self, inputs, hidden, outputs, random):
        self.inputs = inputs + 1  # the last input is always 1.0, the bias
        self.hidden = hidden
        self.outputs = outputs
        self.at_input = [1.0] * self.inputs
        self.at_hidden = [1.0] * hidden
        self.at_output = [1.0] * outputs
        self.to_hidden = make_matrix(self.inputs, hidden, random, 0.4)
        self.to_output = make_matrix(hidden, outputs, random, 2.0)
        self.moved_hidden = [[0.0] * hidden for _ in range(self.inputs)]
        self.moved_output = [[0.0] * outputs for _ in range(hidden)]

    def activate(self, values):
        for i in range(self.inputs - 1):
            self.at_input[i] = values[i]
        for j in range(self.hidden):
            total = 0.0
            for i in range(self.inputs):
                total += self.at_input[i] * self.to_hidden[i][j]
            self.at_hidden[j] = math.tanh(total)
        for k in range(self.outputs):
            total = 0.0
            for j in range(self.hidden):
                total += self.at_hidden[j] * self.to_output[j][k]
            self.at_output[k] = math.tanh(total)
        return self.at_output

    def propagate_back(self, targets, rate, momentum):
        output_deltas = [0.0] * self.outputs
        for k in range(self.outputs):
            value = self.at_output[k]
            output_deltas[k] = (1.0 - value * value) * (targets[k] - value)
        hidden_deltas = [0.0] * self.hidden
        for j in range(self.hidden):
            error = 0.0
            for k in range(self.outputs):
                error += output_deltas[k] * self.to_output[j][k]
            value = self.at_hidden[j]
            hidden_deltas[j] = (1.0 - value * value) * error
        for j in range(self.hidden):
            for k in range(self.outputs):
                change = output_deltas[k] * self.at_hidden[j]
                self.to_output[j][k] += rate * change + momentum * self.moved_output[j][k]
                self.moved_output[j][k] = change
        for i in range(self.inputs):
            for j in range(self.hidden):
                change = hidden_deltas[j] * self.at_input[i]
                self.to_hidden[i][j] += rate * change + momentum * self.moved_hidden[i][j]
                self.moved_hidden[i][j] = change
        error = 0.0
        for k in range(self.outputs):
            error += 0.5 * (targets[k] - self.at_output[k]) ** 2
        return error

    def train(self, patterns, epochs, rate=0.5, momentum=0.1):
        error = 0.0
        for _ in range(epochs):
            error = 0.0
            for values, targets in patterns:
                self.activate(values)
                error += self.propagate_back(targets, rate, momentum)
        return error


def run(epochs):
    patterns = [([0.0, 0.0], [0.0]), ([0.0, 1.0], [1.0]), ([1.0, 0.0], [1.0]), ([1.0, 1.0], [0.0])]
    network = Network(2, 3, 1, Random(42))
    error = network.train(patterns, epochs)
    return error, [network.activate(values)[0] for values, _ in patterns]


error, answers = run(EPOCHS)
print("error after", EPOCHS, "epochs: %.5f" % error)
for (a, b), answer in zip([(0, 0), (0, 1), (1, 0), (1, 1)], answers):
    print(a, "xor", b, "= %.3f" % abs(answer))
