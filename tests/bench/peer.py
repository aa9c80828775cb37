"""The peer of `./dev bench --peer`: the same update rules in PyTorch, eager, written from the equations of Sandler et al.
2021 (eq. 1-7) as a PyTorch user would: state-major tensors, batched matrix products, the bias added in the product.

    python3 peer.py BLUR [--json FILE]

Every workload is measured in turn by this project's `blur bench` and by a PyTorch process for each setting (1 or 2 threads,
OpenBLAS for Haswell and, where the machine has AVX-512, for SkylakeX: on small products more is not always faster), several
rounds; a figure is the median over the rounds, the peer's is that of its best process. Small networks measure PyTorch's dispatch.
"""
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
WIDE, MIDDLE, SMALL = (784, 256, 128, 10), (196, 512, 10), (2, 20, 1)
# name, rule, states, network, batch, goal: how many times faster than the best peer `blur` is to be
WORKLOADS = [
    ("backprop 784-256-128-10", "backprop", 1, WIDE, 128, 1.7),
    ("backprop 196-512-10", "backprop", 1, MIDDLE, 128, None),
    ("backprop 2-20-1", "backprop", 1, SMALL, 512, None),
    ("blur k=2 784-256-128-10", "blur", 2, WIDE, 128, None),
    ("blur k=4 784-256-128-10", "blur", 4, WIDE, 128, 3.5),
    ("blur k=8 784-256-128-10", "blur", 8, WIDE, 128, None),
    ("blur k=2 196-512-10", "blur", 2, MIDDLE, 128, None),
    ("blur k=2 2-20-1", "blur", 2, SMALL, 512, 15),
]
with open("/proc/cpuinfo") as cpuinfo:
    CORES = ["Haswell", "SkylakeX"] if "avx512vl" in cpuinfo.read() else ["Haswell"]
PEERS = [(threads, core) for threads in (1, 2) for core in CORES]


# ---- the rules


def make_backprop(net, batch):
    """Gradient descent on an ordinary tanh network: one step a call."""
    import torch

    modules = []
    for fan_in, fan_out in zip(net, net[1:]):
        modules += [torch.nn.Linear(fan_in, fan_out), torch.nn.Tanh()]
    model = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(batch, net[0])
    if net[-1] > 1:
        target, criterion = torch.randint(0, net[-1], (batch,)), torch.nn.functional.cross_entropy
    else:
        target, criterion = torch.randn(batch, 1), torch.nn.functional.mse_loss

    def step():
        optimizer.zero_grad(set_to_none=True)
        criterion(model(x), target).backward()
        optimizer.step()

    return step


class Blur:
    """The rule with k states, both directions learned, standardization over the batch in both passes.

    a[l]: [k, batch, n_l]; w[l]: [k, n_l + 1, n_m], last row the bias; v[l]: [k, n_m, n_l]."""

    def __init__(self, k, net, batch):
        import torch

        self.torch, self.k, self.batch, self.net = torch, k, batch, net
        self.nu, self.mu, self.pm, self.qm = (torch.randn(k, k) for _ in range(4))
        self.gain, self.shift = torch.ones(k, 1, 1), torch.zeros(k, 1, 1)
        self.keep, self.rate, self.synapse_keep, self.synapse_rate = 1.0, 1.0, 1.0, -1e-3
        self.w = [0.1 * torch.randn(k, n + 1, m) for n, m in zip(net, net[1:])]
        self.v = [0.1 * torch.randn(k, m, n) for n, m in zip(net, net[1:])]
        self.x = torch.randn(batch, net[0])
        self.y = torch.where(torch.rand(batch, net[-1]) < 0.1, 1.0, -1.0)

    def mix(self, matrix, a):
        """out[c] = sum over d of matrix[c, d] a[d]"""
        return (matrix @ a.reshape(self.k, -1)).view(self.k, *a.shape[1:])

    def activate(self, z):
        centred = z - z.mean(1, keepdim=True)
        scale = self.torch.rsqrt((centred * centred).mean(1, keepdim=True) + 1e-5)
        return self.torch.tanh(self.gain * (centred * scale) + self.shift)

    def update(self, synapse, pre, post, bias):
        """w[c] <- fw w[c] + etaw sum over batch, e, d of pre[e] pm[e,c] qm[c,d] post[d]; the unit neuron is 1 in all states."""
        torch = self.torch
        left, right = self.mix(self.pm.t(), pre), self.mix(self.qm, post)
        change = torch.bmm(left.transpose(1, 2), right)
        if bias:
            change = torch.cat([change, self.pm.sum(0)[:, None, None] * right.sum(1, keepdim=True)], 1)
        return torch.add(self.synapse_keep * synapse, change, alpha=self.synapse_rate)

    def step(self):
        torch = self.torch
        with torch.no_grad():
            first = torch.zeros(self.k, self.batch, self.net[0])
            first[0] = self.x
            a = [first]
            unit = self.nu.sum(1)[:, None, None]
            for w in self.w:                                   # neurons start at zero: nothing is kept
                z = torch.baddbmm(unit * w[:, -1:], self.mix(self.nu, a[-1]), w[:, :-1], alpha=self.rate, beta=self.rate)
                a.append(self.activate(z))
            a[-1][1] = self.y
            a[-1][2:] = 0
            for l in range(len(self.w) - 1, 0, -1):            # the input layer is clamped
                a[l] = self.activate(torch.baddbmm(a[l], self.mix(self.mu, a[l + 1]), self.v[l], beta=self.keep, alpha=self.rate))
            for l in range(len(self.w)):
                self.w[l] = self.update(self.w[l], a[l], a[l + 1], True)
                self.v[l] = self.update(self.v[l], a[l + 1], a[l], False)


# ---- measuring


def median_time(step, budget=1.0):
    step()
    step()
    times, start = [], time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - start < budget and len(times) < 2000):
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def serve():
    """A peer process: reads numbers of workloads, answers with seconds a step."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    made = {}
    for line in sys.stdin:
        number = int(line)
        _, rule, states, net, batch, _ = WORKLOADS[number]
        if number not in made:
            made[number] = make_backprop(net, batch) if rule == "backprop" else Blur(states, net, batch).step
        print(median_time(made[number]), flush=True)


def start_peer(threads, core):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), OPENBLAS_CORETYPE=core)
    return subprocess.Popen([sys.executable, __file__, "--serve"], env=environment, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def ask(peer, number):
    peer.stdin.write(f"{number}\n")
    peer.stdin.flush()
    return float(peer.stdout.readline())


def own_time(blur, workload):
    _, rule, states, net, batch, _ = workload
    command = [blur, "bench", f"std.{rule}", "--set", f"k={states}" if rule == "blur" else "act=tanh",
               "--net", "-".join(map(str, net)), "--batch", str(batch), "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)["step_seconds"]


def main():
    blur = sys.argv[1]
    peers = {f"{core}/{threads}": start_peer(threads, core) for threads, core in PEERS}
    own = [[] for _ in WORKLOADS]
    other = [{name: [] for name in peers} for _ in WORKLOADS]
    for _ in range(ROUNDS):
        for number, workload in enumerate(WORKLOADS):
            own[number].append(own_time(blur, workload))
            for name, peer in peers.items():
                other[number][name].append(ask(peer, number))
    for peer in peers.values():
        peer.stdin.close()
        peer.wait()
    print(f"{'one step, ms':26s} {'blur':>8s} {'PyTorch':>9s} {'its best at':>12s} {'ratio':>7s} {'goal':>6s}")
    rows = []
    for workload, ours, theirs in zip(WORKLOADS, own, other):
        times = {name: statistics.median(values) for name, values in theirs.items()}
        best = min(times, key=times.get)
        mine, ratio = statistics.median(ours), times[best] / statistics.median(ours)
        goal = workload[5]
        print(f"{workload[0]:26s} {1e3 * mine:8.4f} {1e3 * times[best]:9.4f} {best:>12s} {ratio:6.1f}x "
              f"{'' if goal is None else f'{goal}x':>6s}")
        rows.append(dict(work=workload[0], blur=mine, peer=times, ratio=ratio, goal=goal))
    if "--json" in sys.argv:
        with open(sys.argv[sys.argv.index("--json") + 1], "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    serve() if "--serve" in sys.argv else main()
