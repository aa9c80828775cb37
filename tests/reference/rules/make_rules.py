# How the .npz files beside this one were made: every rule of the library step by step in NumPy, float64, written from the
# equations of its source (named at each rule) and not from stdlib/. Kept for the record; the tests only read the files.
#   python3 make_rules.py [NAME...]
# Shapes: x [steps, batch, inputs]; synapses [pre, post], with the unit neuron's row last where they have one.
import math
import sys

import numpy as np

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


class Record:
    """Draws what a case starts from and keeps what it must lead to."""

    def __init__(self, name, sizes, batch, steps, binary=False):
        self.name, self.sizes, self.batch, self.steps = name, sizes, batch, steps
        self.random = np.random.default_rng(sum(map(ord, name)))
        self.arrays = {}
        self.x = self.add("x", self.inputs(steps, binary))
        self.y = self.add("y", self.targets(steps))
        self.query_x = self.add("query_x", self.inputs(1, binary)[0])
        self.query_y = self.add("query_y", self.targets(1)[0])

    def inputs(self, steps, binary):
        shape = (steps, self.batch, self.sizes[0])
        return (self.random.random(shape) < 0.4).astype(float) if binary else self.random.normal(0, 1, shape)

    def targets(self, steps):
        label = self.random.integers(0, self.sizes[-1], (steps, self.batch))
        return np.where(np.arange(self.sizes[-1]) == label[..., None], 1.0, -1.0)

    def add(self, key, value):
        self.arrays[key] = np.array(value, dtype=float)
        return self.arrays[key].copy()

    def layers(self):
        return range(len(self.sizes) - 1)

    def synapse(self, name, layer, unit=False, shape=None, draw=None, states=()):
        pre, post = self.sizes[layer] + unit, self.sizes[layer + 1]
        shape = states + (shape or (pre, post))
        value = draw(shape) if draw else self.random.normal(0, 0.6, shape)
        return self.add(f"synapse.{name}.{layer}", value)

    def synapses(self, name, **how):
        return [self.synapse(name, layer, **how) for layer in self.layers()]

    def genome(self, name, value):
        return self.add(f"genome.{name}", value)

    def after(self, step, prediction, loss="cross_entropy", neurons=None, signals=None, **synapses):
        """What is there after `step` steps: a list of one array a layer for each synapse and neuron variable."""
        for name, values in synapses.items():
            for layer, value in enumerate(values):
                self.add(f"after{step}.synapse.{name}.{layer}", value)
        for name, values in (neurons or {}).items():
            for layer, value in enumerate(values):
                if value is not None:
                    self.add(f"after{step}.neuron.{name}.{layer}", value)
        for name, value in (signals or {}).items():
            self.add(f"after{step}.signal.{name}", value)
        self.add(f"after{step}.prediction", prediction)
        self.add(f"after{step}.loss", LOSS[loss](prediction, self.query_y))

    def save(self):
        np.savez_compressed(f"{self.name}.npz", **self.arrays)


def cross_entropy(prediction, y):
    shifted = prediction - prediction.max(axis=1, keepdims=True)
    logarithm = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(np.where(y > 0, logarithm, 0), axis=1))


def squared_error(prediction, y):
    return np.mean((prediction - y) ** 2)


LOSS = {"cross_entropy": cross_entropy, "squared_error": squared_error}


def with_unit(h):
    return np.concatenate([h, np.ones((h.shape[0], 1))], axis=1)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# ---- backpropagation and what differs from it in one place. Lillicrap et al. 2016, methods: h = f(W h_below + b), linear
# output, e = d loss / d output.


def run_up(w, x, f):
    """Activations of every layer; f is applied to hidden layers."""
    h = [x]
    for layer, weight in enumerate(w):
        z = with_unit(h[-1]) @ weight
        h.append(z if layer == len(w) - 1 else f(z))
    return h


def output_error(prediction, y):
    """Gradient of the mean cross-entropy."""
    p = np.exp(prediction - prediction.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return (p - (y > 0)) / len(y)


def deltas(w, x, y, f, slope, down):
    """Errors of every layer above the input. `down(layer, delta, error)`: what layer `layer` gets from the layer above it,
    whose error is delta; `error` is the output's. `slope` is f' written in f's value."""
    h = run_up(w, x, f)
    error = output_error(h[-1], y)
    delta = [None] * len(h)
    delta[-1] = error
    for layer in range(len(w) - 1, 0, -1):
        delta[layer] = down(layer, delta[layer + 1], error) * slope(h[layer])
    return h, delta


def gradients(w, x, y, f, slope, down=None):
    down = down or (lambda layer, delta, error: delta @ w[layer][:-1].T)
    h, delta = deltas(w, x, y, f, slope, down)
    return [with_unit(h[layer]).T @ delta[layer + 1] for layer in range(len(w))]


TANH = (np.tanh, lambda h: 1 - h * h)


def descend(record, lr, down, also=None, names=("w",), w=None, keep=()):
    """Steps of gradient descent with errors sent down by `down`; `also(w, gradients)` may change more after each."""
    for step in range(record.steps):
        g = gradients(w, record.x[step], record.y[step], *TANH, down)
        for layer in record.layers():
            w[layer] -= lr * g[layer]
        if also:
            also(g)
        if step in (0, record.steps - 1):
            record.after(step + 1, run_up(w, record.query_x, np.tanh)[-1], w=w, **dict(keep))


@case
def feedback_alignment():
    """Lillicrap et al. 2016: delta_h = (B e) o f'(.)."""
    record = Record("feedback_alignment", [5, 7, 6, 4], 9, 3)
    w, b = record.synapses("w", unit=True), record.synapses("b")
    lr = record.genome("lr", 0.3)
    descend(record, lr, lambda layer, delta, error: delta @ b[layer].T, w=w, keep={"b": b})
    record.save()


@case
def direct_feedback_alignment():
    """Nokland 2016, eq. 7: delta a_l = (B_l e) o f'(a_l), the same e for all layers."""
    record = Record("direct_feedback_alignment", [5, 7, 6, 4], 9, 3)
    w = record.synapses("w", unit=True)
    b = [record.synapse("b", layer, shape=(4, record.sizes[layer])) for layer in record.layers()]
    lr = record.genome("lr", 0.3)
    descend(record, lr, lambda layer, delta, error: error @ b[layer], w=w, keep={"b": b})
    record.save()


@case
def sign_symmetry():
    """Liao et al. 2016: the feedback weight is M o sign(W), M fixed and positive."""
    record = Record("sign_symmetry", [5, 7, 6, 4], 9, 3)
    w, b = record.synapses("w", unit=True), record.synapses("b", draw=record.random.random)
    lr = record.genome("lr", 0.3)
    descend(record, lr, lambda layer, delta, error: delta @ (b[layer] * np.sign(w[layer][:-1])).T, w=w, keep={"b": b})
    record.save()


@case
def kolen_pollack():
    """Akrout et al. 2019, eq. 16, 17: both get the same outer product, and the same decay."""
    record = Record("kolen_pollack", [5, 7, 6, 4], 9, 3)
    w, b = record.synapses("w", unit=True), record.synapses("b")
    lr, decay = record.genome("lr", 0.3), record.genome("decay", 0.02)
    for step in range(record.steps):
        g = gradients(w, record.x[step], record.y[step], *TANH, lambda layer, delta, error: delta @ b[layer].T)
        for layer in record.layers():
            w[layer] += -lr * g[layer] - decay * w[layer]
            b[layer] += -lr * g[layer][:-1] - decay * b[layer]
        if step != 1:
            record.after(step + 1, run_up(w, record.query_x, np.tanh)[-1], w=w, b=b)
    record.save()


# ---- optimizers


def optimize(record, w, change, **kept):
    """change(layer, gradient, step) returns the new synapses of that layer."""
    for step in range(record.steps):
        g = gradients(w, record.x[step], record.y[step], *TANH)
        for layer in record.layers():
            w[layer] = change(layer, g[layer], step)
        if step in (0, record.steps - 1):
            record.after(step + 1, run_up(w, record.query_x, np.tanh)[-1], w=w, **kept)
    record.save()


@case
def adagrad():
    """Duchi et al. 2011: x <- x - eta g / sqrt(sum g^2), with eps."""
    record = Record("adagrad", [5, 7, 4], 9, 4)
    w = record.synapses("w", unit=True)
    lr, eps = record.genome("lr", 0.1), record.genome("eps", 1e-3)
    total = [np.zeros_like(value) for value in w]

    def change(layer, g, step):
        total[layer] += g**2
        return w[layer] - lr * g / (np.sqrt(total[layer]) + eps)

    optimize(record, w, change, s=total)


@case
def lion():
    """Chen et al. 2023, algorithm 2: c = b1 m + (1 - b1) g; theta -= eta (sign(c) + lambda theta); m = b2 m + (1 - b2) g."""
    record = Record("lion", [5, 7, 4], 9, 4)
    w = record.synapses("w", unit=True)
    lr, b1, b2 = record.genome("lr", 0.01), record.genome("b1", 0.8), record.genome("b2", 0.95)
    decay = record.genome("decay", 0.3)
    m = [np.zeros_like(value) for value in w]

    def change(layer, g, step):
        c = b1 * m[layer] + (1 - b1) * g
        m[layer] = b2 * m[layer] + (1 - b2) * g
        return w[layer] - lr * (np.sign(c) + decay * w[layer])

    optimize(record, w, change, m=m)


@case
def adamw():
    """Loshchilov and Hutter 2019, algorithm 2 with a schedule of 1: theta -= alpha m^ / (sqrt(v^) + eps) + alpha lambda theta."""
    record = Record("adamw", [5, 7, 4], 9, 4)
    w = record.synapses("w", unit=True)
    lr, b1, b2 = record.genome("lr", 0.01), record.genome("b1", 0.9), record.genome("b2", 0.99)
    eps, decay = record.genome("eps", 1e-6), record.genome("decay", 0.3)
    m, v = [[np.zeros_like(value) for value in w] for _ in range(2)]

    def change(layer, g, step):
        m[layer] = b1 * m[layer] + (1 - b1) * g
        v[layer] = b2 * v[layer] + (1 - b2) * g**2
        m_hat, v_hat = m[layer] / (1 - b1 ** (step + 1)), v[layer] / (1 - b2 ** (step + 1))
        return w[layer] - lr * m_hat / (np.sqrt(v_hat) + eps) - lr * decay * w[layer]

    optimize(record, w, change, m=m, s=v)


@case
def learned_optimizer():
    """Metz et al. 2019: an MLP on each parameter's features; the step is 0.001 o0 exp(0.001 o1)."""
    record = Record("learned_optimizer", [5, 6, 4], 9, 3)
    w, n = record.synapses("w", unit=True), 6
    first, shift = record.genome("W1", record.random.normal(0, 3, (n, 4))), record.genome("b1", record.random.normal(0, 1, n))
    second = record.genome("W2", record.random.normal(0, 3, (2, n)))
    m = [np.zeros_like(value) for value in w]

    def change(layer, g, step):
        m[layer] = 0.9 * m[layer] + 0.1 * g
        new = np.empty_like(g)
        for at in np.ndindex(*g.shape):
            features = np.array([g[at], w[layer][at], m[layer][at], math.tanh(step / 100 - 1)])
            out = second @ np.maximum(first @ features + shift, 0)
            new[at] = w[layer][at] - 0.001 * out[0] * math.exp(0.001 * out[1])
        return new

    optimize(record, w, change, m=m)


@case
def differentiable_plasticity():
    """Miconi et al. 2018, eq. 1: x_j = f(sum_i (w + alpha Hebb) x_i); eq. 2: Hebb <- eta x_i x_j + (1 - eta) Hebb."""
    record = Record("differentiable_plasticity", [5, 7, 4], 9, 3)
    w = record.synapses("w", unit=True)
    alpha = record.synapses("alpha", unit=True)
    trace = record.synapses("trace", unit=True)
    lr, eta = record.genome("lr", 0.3), record.genome("eta", 0.2)
    seen = lambda: [w[layer] + alpha[layer] * trace[layer] for layer in record.layers()]
    for step in range(record.steps):
        used = seen()
        h = run_up(used, record.x[step], np.tanh)
        g = gradients(used, record.x[step], record.y[step], *TANH)
        for layer in record.layers():
            w[layer] -= lr * g[layer]
            alpha[layer] -= lr * g[layer] * trace[layer]
            hebb = sum(np.outer(np.append(a, 1), b) for a, b in zip(h[layer], h[layer + 1])) / record.batch
            trace[layer] = eta * hebb + (1 - eta) * trace[layer]
        if step != 1:
            record.after(step + 1, run_up(seen(), record.query_x, np.tanh)[-1], w=w, alpha=alpha, trace=trace)
    record.save()


# ---- unsupervised rules: linear (or rectified) neurons y = W^T x, one sample after the other in the sums


def linear_up(w, x, f=lambda z: z):
    h = [x]
    for weight in w:
        h.append(f(h[-1] @ weight))
    return h


def learn(record, w, change, f=lambda z: z, after=None, loss="squared_error"):
    """change(layer, below, above, step): the sum over samples of what is added to w, divided by the batch."""
    for step in range(record.steps):
        h = linear_up(w, record.x[step], f)
        w = [w[layer] + change(w[layer], layer, h[layer], h[layer + 1], step) for layer in record.layers()]
        if step in (0, record.steps - 1):
            record.after(step + 1, linear_up(w, record.query_x, f)[-1], loss, w=w, **(after() if after else {}))
    record.save()


@case
def hebb():
    """Gerstner and Kistler 2002: dw_ij = lr (pre_i post_j - decay w_ij); the teacher sets the last layer."""
    record = Record("hebb", [5, 6, 4], 8, 3)
    w = record.synapses("w")
    lr, decay = record.genome("lr", 0.1), record.genome("decay", 0.5)

    def change(w, layer, below, above, step):
        above = record.y[step] if layer == 1 else above
        return lr * (sum(np.outer(a, b) for a, b in zip(below, above)) / record.batch - decay * w)

    learn(record, w, change, np.tanh)


@case
def oja():
    """Oja 1982, eq. 3: dw_i = lr y (x_i - y w_i)."""
    record = Record("oja", [5, 4, 3], 8, 3)
    w, lr = record.synapses("w"), record.genome("lr", 0.1)

    def change(w, layer, below, above, step):
        total = np.zeros_like(w)
        for x, y in zip(below, above):
            for j in range(len(y)):
                total[:, j] += y[j] * (x - y[j] * w[:, j])
        return lr * total / record.batch

    learn(record, w, change)


@case
def sanger():
    """Sanger 1989, eq. 5: dC = gamma (y x^T - LT[y y^T] C); LT sets everything above the diagonal to 0; C is [post, pre]."""
    record = Record("sanger", [5, 4, 3], 8, 3)
    w, lr = record.synapses("w"), record.genome("lr", 0.1)

    def change(w, layer, below, above, step):
        total = sum(np.outer(y, x) - np.tril(np.outer(y, y)) @ w.T for x, y in zip(below, above))
        return lr * total.T / record.batch

    learn(record, w, change)


@case
def bcm():
    """Intrator and Cooper 1992: dm = mu c (c - theta) d, theta the running mean of c^2; here theta first, then m."""
    record = Record("bcm", [5, 4, 3], 8, 4)
    w = record.synapses("w", draw=lambda shape: record.random.normal(0.3, 0.6, shape))
    theta = [record.add(f"neuron.theta.{layer + 1}", record.random.random(record.sizes[layer + 1])) for layer in record.layers()]
    lr, rate = record.genome("lr", 0.2), record.genome("rate", 0.3)

    def change(w, layer, below, above, step):
        theta[layer] = (1 - rate) * theta[layer] + rate * np.mean(above**2, axis=0)
        return lr * sum(np.outer(x, y * (y - theta[layer])) for x, y in zip(below, above)) / record.batch

    learn(record, w, change, lambda z: np.maximum(z, 0), lambda: {"neurons": {"theta": [None, *theta]}})


@case
def abcd():
    """Najarro and Risi 2020, eq. 1: dw_ij = eta (A o_i o_j + B o_i + C o_j + D), five numbers a synapse."""
    record = Record("abcd", [5, 6, 4], 8, 3)
    w = record.synapses("w")
    a, b, c, d, eta = ([record.add(f"genome.{name}.{layer}", record.random.normal(0, 0.5, value.shape))
                        for layer, value in enumerate(w)] for name in ("A", "B", "C", "D", "eta"))

    def change(w, layer, below, above, step):
        total = np.zeros_like(w)
        for s in range(record.batch):
            for i, j in np.ndindex(*w.shape):
                total[i, j] += (a[layer][i, j] * below[s, i] * above[s, j] + b[layer][i, j] * below[s, i]
                                + c[layer][i, j] * above[s, j] + d[layer][i, j])
        return eta[layer] * total / record.batch

    learn(record, w, change, np.tanh)


@case
def foldiak():
    """Foldiak 1990: dy*/dt = f(sum q x + sum w y* - t) - y*, f logistic with slope 10; y = y* > 0.5; dw = -alpha (y_i y_j - p^2),
    0 if i = j or w > 0; dq = beta y (x - q); dt = gamma (y - p). Euler, 30 steps of 0.1."""
    record = Record("foldiak", [8, 6], 10, 4, binary=True)
    q = record.synapse("q", 0, draw=lambda shape: record.random.random(shape) / 2)
    # Symmetric, as learning keeps it; not yet beyond its bound.
    start = -record.random.random((6, 6))
    l = record.synapse("l", 0, draw=lambda shape: (start + start.T) * (1 - np.eye(6)), shape=(6, 6))
    t = record.synapse("t", 0, draw=lambda shape: record.random.random(shape) / 5, shape=(6,))
    p, steep = record.genome("p", 0.2), record.genome("steep", 10)
    alpha, beta, gamma = record.genome("alpha", 0.2), record.genome("beta", 0.1), record.genome("gamma", 0.05)

    def fire(x):
        potential = np.zeros(6)
        for _ in range(30):
            potential = potential + 0.1 * (sigmoid(steep * (x @ q + l @ potential - t)) - potential)
        return (potential > 0.5).astype(float), potential

    for step in range(record.steps):
        outputs = [fire(x) for x in record.x[step]]
        y = np.array([o[0] for o in outputs])
        assert all(np.min(np.abs(o[1] - 0.5)) > 1e-3 for o in outputs), "too close to the threshold for float"
        l = np.minimum(l - alpha * (y.T @ y / record.batch - p**2), 0) * (1 - np.eye(6))
        q = q + beta * sum(np.outer(x, o) - q * o for x, o in zip(record.x[step], y)) / record.batch
        t = t + gamma * (y.mean(axis=0) - p)
        if step in (0, record.steps - 1):
            prediction = np.array([fire(x)[0] for x in record.query_x])
            record.after(step + 1, prediction, "squared_error", q=[q], l=[l], t=[t])
    assert y.any()
    record.save()


@case
def lateral():
    """Pehlevan et al. 2015, eq. 16: y settles to W x - M y; eq. 17: dW_i = eta y_i (x - W_i y_i), dM_ij = eta y_i (y_j - M_ij y_i), i /= j."""
    record = Record("lateral", [6, 4], 9, 4)
    w = record.synapse("w", 0)
    m = record.synapse("m", 0, draw=lambda shape: record.random.normal(0, 0.2, shape) * (1 - np.eye(4)), shape=(4, 4))
    lr, dt = record.genome("lr", 0.1), record.genome("dt", 0.3)

    def settle(x):
        y = np.zeros(4)
        for _ in range(40):
            y = y + dt * (w.T @ x - m @ y - y)
        return y

    for step in range(record.steps):
        ys = [settle(x) for x in record.x[step]]
        dw = sum(np.outer(x, y) - w * y**2 for x, y in zip(record.x[step], ys))
        dm = sum(np.outer(y, y) - m * (y**2)[:, None] for y in ys)
        w = w + lr * dw / record.batch
        m = (m + lr * dm / record.batch) * (1 - np.eye(4))
        if step in (0, record.steps - 1):
            record.after(step + 1, np.array([settle(x) for x in record.query_x]), "squared_error", w=[w], m=[m])
    record.save()


@case
def vsml():
    """Kirsch and Schmidhuber 2021, eq. 4 and 5, in the form of std.vsml: s <- tanh(U s + mean of V f + W e); messages are sums over
    the synapses of a product of state and incoming message."""
    record = Record("vsml", [4, 5, 3], 6, 3)
    n, m = 3, 2
    s = record.synapses("s", states=(n,))
    U, V, W = (record.genome(name, record.random.normal(0, 0.4, (n, size))) for name, size in (("U", n), ("V", m), ("W", m)))
    up, down = (record.genome(name, record.random.normal(0, 0.5, (m, n, m))) for name in ("up", "down"))

    def forward(x):
        f = [np.zeros((m,) + x.shape)]
        f[0][0] = x
        for state in s:
            f.append(np.tanh(np.einsum("icj,cpq,jbp->ibq", up, state, f[-1])))
        return f

    for step in range(record.steps):
        f = forward(record.x[step])
        e = [np.zeros_like(value) for value in f]
        e[-1][0], e[-1][1] = record.y[step], f[-1][0]
        for layer in (1,):
            e[layer] = np.tanh(np.einsum("icj,cpq,jbq->ibp", down, s[layer], e[layer + 1]))
        for layer in record.layers():
            own = np.einsum("cd,dpq->cpq", U, s[layer])
            below = np.einsum("ci,ibp->cp", V, f[layer]) / record.batch
            above = np.einsum("ci,ibq->cq", W, e[layer + 1]) / record.batch
            s[layer] = np.tanh(own + below[:, :, None] + above[:, None, :])
        if step != 1:
            record.after(step + 1, forward(record.query_x)[-1][0], "squared_error", s=s)
    record.save()


# ---- reward


@case
def three_factor():
    """Fremaux and Gerstner 2016, eq. 1, 2: e <- keep e + H(pre, post); dw = lr M e, for every sample its own, M one step late. Here the
    exploration is no noise but 0.1 sin(7 z + step), so that it can be computed anywhere (three_factor.blur beside this file)."""
    record = Record("three_factor", [5, 4, 3], 7, 4)
    w = record.synapses("w", unit=True)
    lr, sigma, keep = record.genome("lr", 0.05), record.genome("sigma", 0.1), record.genome("keep", 0.6)
    e = [np.zeros((record.batch,) + value.shape) for value in w]
    reward, expected = np.zeros(record.batch), 0.0

    def run(x, step):
        h, explored = [x], []
        for layer, weight in enumerate(w):
            z = with_unit(h[-1]) @ weight
            explored.append(0 * z if step is None else 0.1 * np.sin(7 * z + step))
            z = z + explored[-1]
            h.append(z if layer == 1 else np.tanh(z))
        return h, explored

    for step in range(record.steps):
        h, explored = run(record.x[step], step)
        for s in range(record.batch):
            for layer in record.layers():
                e[layer][s] = keep * e[layer][s] + np.outer(np.append(h[layer][s], 1), explored[layer][s]) / sigma**2
        for layer in record.layers():
            w[layer] += lr * sum(reward[s] * e[layer][s] for s in range(record.batch)) / record.batch
        cost = np.array([cross_entropy(h[-1][s : s + 1], record.y[step][s : s + 1]) for s in range(record.batch)])
        reward = expected - cost if step else np.zeros(record.batch)
        expected = 0.9 * expected + 0.1 * cost.mean() if step else cost.mean()
        if step in (0, record.steps - 1):
            record.after(step + 1, run(record.query_x, None)[0][-1], w=w, e=e, signals={"reward": reward, "expected": expected})
    record.save()


# ---- rules that settle


@case
def predictive_coding():
    """Whittington and Bogacz 2017, eq. 2.17: d x_b = -e_b + f'(x_b) sum_a e_a theta_ab; eq. 2.18: e = (x - mu) / Sigma, mu = theta f(x below),
    Sigma 1 but in the last layer; eq. 2.19."""
    record = Record("predictive_coding", [5, 6, 5, 3], 7, 3)
    theta = record.synapses("w")
    c = [record.synapse("c", layer, shape=(record.sizes[layer + 1],)) for layer in record.layers()]
    rate, lr, rounds = record.genome("rate", 0.15), record.genome("lr", 0.1), 6
    variance = [1, 1, record.genome("variance", 2.5)]

    def mean(layer, below):
        return np.tanh(below) @ theta[layer] + c[layer]

    def guess(x):
        values = [x]
        for layer in record.layers():
            values.append(mean(layer, values[-1]))
        return values

    def errors(values):
        return [None] + [(values[layer + 1] - mean(layer, values[layer])) / variance[layer] for layer in record.layers()]

    for step in range(record.steps):
        values = guess(record.x[step])
        values[-1] = record.y[step]
        for _ in range(rounds):
            e = errors(values)
            for layer in (2, 1):
                values[layer] = values[layer] + rate * (
                    -e[layer] + (1 - np.tanh(values[layer]) ** 2) * (e[layer + 1] @ theta[layer].T))
        e = errors(values)
        for layer in record.layers():
            theta[layer] += lr * np.tanh(values[layer]).T @ e[layer + 1] / record.batch
            c[layer] += lr * e[layer + 1].mean(axis=0)
        if step != 1:
            record.after(step + 1, guess(record.query_x)[-1], "squared_error", w=theta, c=c)
    record.save()


@case
def equilibrium_propagation():
    """Scellier and Bengio 2017, eq. 4: ds_i/dt = rho'(s_i) (sum_j W_ij rho(s_j) + b_i) - s_i, plus beta (d - y) at the output
    (eq. 8), states held in [0, 1]; eq. 12: dW_ij = (rho rho at beta - rho rho at 0) / beta."""
    record = Record("equilibrium_propagation", [5, 6, 5, 3], 7, 3)
    record.x[:], record.query_x[:] = np.abs(np.tanh(record.x)), np.abs(np.tanh(record.query_x))
    record.add("x", record.x), record.add("query_x", record.query_x)
    w = record.synapses("w")
    c = [record.synapse("c", layer, shape=(record.sizes[layer + 1],)) for layer in record.layers()]
    lr, beta, dt = record.genome("lr", 0.1), record.genome("beta", 0.4), record.genome("dt", 0.3)
    rho = lambda s: np.clip(s, 0, 1)

    def settle(s, rounds, d=None):
        """All at once. States never leave [0, 1], where rho' is 1."""
        for _ in range(rounds):
            force = [None]
            for k in (1, 2, 3):
                drive = rho(s[k - 1]) @ w[k - 1] + c[k - 1]
                if k < 3:
                    drive = drive + rho(s[k + 1]) @ w[k].T
                force.append(drive - s[k])
            if d is not None:
                force[3] = force[3] + beta * (d - s[3])
            s = [s[0]] + [np.clip(s[k] + dt * force[k], 0, 1) for k in (1, 2, 3)]
        return s

    def free(x):
        return settle([x] + [np.zeros((len(x), size)) for size in record.sizes[1:]], 8)

    for step in range(record.steps):
        first = free(record.x[step])
        second = settle(first, 3, (record.y[step] + 1) / 2)
        for layer in record.layers():
            product = lambda s: rho(s[layer]).T @ rho(s[layer + 1]) / record.batch
            w[layer] += lr * (product(second) - product(first)) / beta
            c[layer] += lr * (rho(second[layer + 1]) - rho(first[layer + 1])).mean(axis=0) / beta
        if step != 1:
            record.after(step + 1, free(record.query_x)[-1], "squared_error", w=w, c=c)
    record.save()


@case
def contrastive_hebbian():
    """Xie and Seung 2003, eq. 4: dx_k/dt = -x_k + f(W_k x_{k-1} + gamma W_{k+1}^T x_{k+1} + b_k); eq. 6: dW_k = eta gamma^(k-L)
    (clamped product - free product)."""
    record = Record("contrastive_hebbian", [5, 6, 5, 3], 7, 3)
    w = record.synapses("w")
    c = [record.synapse("c", layer, shape=(record.sizes[layer + 1],)) for layer in record.layers()]
    lr, gamma, dt = record.genome("lr", 0.1), record.genome("gamma", 0.3), record.genome("dt", 0.4)

    def settle(s, rounds, clamped):
        for _ in range(rounds):
            new = [s[0]]
            for k in (1, 2, 3):
                drive = s[k - 1] @ w[k - 1] + c[k - 1]
                if k < 3:
                    drive = drive + gamma * s[k + 1] @ w[k].T
                new.append(s[k] + dt * (np.tanh(drive) - s[k]))
            if clamped:
                new[3] = s[3]
            s = new
        return s

    def free(x):
        return settle([x] + [np.zeros((len(x), size)) for size in record.sizes[1:]], 7, False)

    for step in range(record.steps):
        first = free(record.x[step])
        second = settle(first[:3] + [record.y[step]], 5, True)
        for layer in record.layers():
            speed = lr * gamma ** (layer - 2.0)
            w[layer] += speed * (second[layer].T @ second[layer + 1] - first[layer].T @ first[layer + 1]) / record.batch
            c[layer] += speed * (second[layer + 1] - first[layer + 1]).mean(axis=0)
        if step != 1:
            record.after(step + 1, free(record.query_x)[-1], "squared_error", w=w, c=c)
    record.save()


# ---- functions: value and slope of every activation at the sums z, as states of a neuron (activations.blur)

error_function = np.vectorize(math.erf)


def activations_at(z):
    """(value, slope), written out; in the order of activations.blur."""
    normal = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    cumulative = 0.5 * (1 + error_function(z / math.sqrt(2)))
    up = (z > 0).astype(float)
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    s, t = sigmoid(z), np.tanh(z)
    plus = np.log(1 + np.exp(z))
    root = math.sqrt(2 / math.pi)
    inner = np.tanh(root * (z + 0.044715 * z**3))
    between = lambda low, high: ((z > low) & (z < high)).astype(float)
    hard = np.clip(z / 6 + 0.5, 0, 1)
    return [
        (z, 1 + 0 * z),  # linear
        (t, 1 - t * t),
        (s, s * (1 - s)),
        (up * z, up),  # relu
        (plus, s),  # softplus
        (np.where(z > 0, z, 0.01 * z), np.where(z > 0, 1, 0.01)),  # leaky_relu
        (np.clip(z, 0, 6), between(0, 6)),  # relu6
        (up * z * z, 2 * up * z),  # squared_relu
        (up * t, up * (1 - t * t)),  # relu_tanh
        (np.where(z > 0, z, np.exp(z) - 1), np.where(z > 0, 1, np.exp(z))),  # elu
        (scale * np.where(z > 0, z, alpha * (np.exp(z) - 1)), scale * np.where(z > 0, 1, alpha * np.exp(z))),  # selu
        (z * cumulative, cumulative + z * normal),  # gelu
        (0.5 * z * (1 + inner), 0.5 * (1 + inner) + 0.5 * z * (1 - inner**2) * root * (1 + 3 * 0.044715 * z * z)),  # gelu_tanh
        (z * s, s + z * s * (1 - s)),  # silu
        (z * np.tanh(plus), np.tanh(plus) + z * (1 - np.tanh(plus) ** 2) * s),  # mish
        (z / (1 + np.abs(z)), 1 / (1 + np.abs(z)) ** 2),  # softsign
        (-np.log(1 + np.exp(-z)), 1 - s),  # log_sigmoid
        (np.clip(z, -1, 1), between(-1, 1)),  # hard_tanh
        (hard, between(-3, 3) / 6),  # hard_sigmoid
        (z * hard, hard + z * between(-3, 3) / 6),  # hard_swish
        (1.7159 * np.tanh(2 * z / 3), 1.7159 * 2 / 3 * (1 - np.tanh(2 * z / 3) ** 2)),  # lecun_tanh
        (np.exp(-z * z), -2 * z * np.exp(-z * z)),  # gaussian
        (0.7 * np.tanh(z / 0.7), 1 - np.tanh(z / 0.7) ** 2),  # saturate(z, 0.7)
    ]


def functions(name, sizes, states, deviation, at):
    """A case of one layer that stores `at(z)`, value and slope by state; its prediction mixes them by random numbers."""
    record = Record(name, sizes, 11, 1)
    w = record.synapses("w", draw=lambda shape: record.random.normal(0, deviation, shape))
    mix = record.genome("mix", record.random.normal(0, 1, states))
    values, slopes = (np.array(part) for part in at(record.x[0] @ w[0]))
    query_values, query_slopes = (np.array(part) for part in at(record.query_x @ w[0]))
    record.after(1, np.einsum("c,cbp->bp", mix, query_values + query_slopes), "squared_error", w=w,
                 neurons={"f": [None, values], "d": [None, slopes]})
    record.save()


@case
def activations():
    functions("activations", [6, 8], 23, 1.0, lambda z: zip(*activations_at(z)))


@case
def norms():
    """Ioffe and Szegedy 2015, Ba et al. 2016, Zhang and Sennrich 2019, softmax and its logarithm: values, and gradients of <value, r>, r
    = sin(3 z) taken as given, from their Jacobians written out."""
    eps = 1e-5

    def standardize(z, axis):
        return (z - z.mean(axis=axis, keepdims=True)) / np.sqrt(z.var(axis=axis, keepdims=True) + eps)

    def standardize_back(z, r, axis):
        deviation = np.sqrt(z.var(axis=axis, keepdims=True) + eps)
        unit = (z - z.mean(axis=axis, keepdims=True)) / deviation
        return (r - r.mean(axis=axis, keepdims=True) - unit * (r * unit).mean(axis=axis, keepdims=True)) / deviation

    def at(z):
        size = np.sqrt((z * z).mean(axis=1, keepdims=True) + eps)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        r = np.sin(3 * z)
        values = [standardize(z, 0), standardize(z, 1), z / size, p, np.log(p)]
        slopes = [
            standardize_back(z, r, 0),
            standardize_back(z, r, 1),
            r / size - z * (r * z).mean(axis=1, keepdims=True) / size**3,
            p * (r - (r * p).sum(axis=1, keepdims=True)),
            r - p * r.sum(axis=1, keepdims=True),
        ]
        return values, slopes

    functions("norms", [6, 5], 5, 0.6, at)


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
