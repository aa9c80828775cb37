"""The peer of `./dev bench --peer`: the same update rules in PyTorch, eager, written from the equations of Sandler et al.
2021 (eq. 1-7) as a PyTorch user would: state-major tensors, batched matrix products, the bias added in the product; for
meta-gradients autograd through all steps, networks side by side as one batch of products; for a generation of an evolution
strategy its candidates one after the other, which is faster than side by side: the products are large enough.

    python3 peer.py BLUR [--only WORD] [--rounds N] [--json FILE]

Every workload is measured in turn by this project's `blur bench` and by a PyTorch process for each setting (1 or 2 threads,
OpenBLAS for Haswell and, where the machine has AVX-512, for SkylakeX: on small products more is not always faster), several
rounds; a figure is the median over the rounds, the peer's is that of its best process. Small networks measure PyTorch's dispatch.
Memory is what a process has at its peak, less what it had before the network, one process a workload.
"""
import json
import os
import statistics
import subprocess
import sys
import time
from collections import namedtuple

ROUNDS = 5
WIDE, MIDDLE, SMALL = (784, 256, 128, 10), (196, 512, 10), (2, 20, 1)
# goal: how many times faster than the best peer `blur` is to be; unroll: a meta-gradient through so many steps, in
# place of a step; memory: what blur's networks and snapshots are kept within, and the share of the peer's that is the goal
# candidates: of a generation, each of `unroll` steps and QUERIES predictions, as EVOLVED has it
Workload = namedtuple("Workload", "name rule states net batch goal unroll networks memory memory_goal candidates",
                      defaults=(0, 1, None, None, 0))
QUERIES, EVOLVED = 20, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/genomes/evolved.blur")
WORKLOADS = [
    Workload("backprop 784-256-128-10", "backprop", 1, WIDE, 128, 1.7),
    Workload("backprop 196-512-10", "backprop", 1, MIDDLE, 128, None),
    Workload("backprop 2-20-1", "backprop", 1, SMALL, 512, None),
    Workload("blur k=2 784-256-128-10", "blur", 2, WIDE, 128, None),
    Workload("blur k=4 784-256-128-10", "blur", 4, WIDE, 128, 3.5),
    Workload("blur k=8 784-256-128-10", "blur", 8, WIDE, 128, None),
    Workload("blur k=2 196-512-10", "blur", 2, MIDDLE, 128, None),
    Workload("blur k=2 2-20-1", "blur", 2, SMALL, 512, 15),
    Workload("meta T=10 k=4 784-256-128-10", "blur", 4, WIDE, 128, 3.5, 10),
    Workload("meta T=50 k=4 784-256-128-10", "blur", 4, WIDE, 128, 3, 50, 1, "170M", 0.1),
    Workload("meta T=10 k=2 196-512-10", "blur", 2, MIDDLE, 128, None, 10),
    Workload("meta T=10 k=2 2-20-1", "blur", 2, SMALL, 512, 25, 10),
    Workload("meta T=10 k=2 2-20-1 x 40", "blur", 2, SMALL, 128, 12, 10, 40),
    Workload("generation of 80, 196-512-10", "blur", 2, MIDDLE, 128, 4.5, 15, candidates=80),
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

    def forward(self):
        torch = self.torch
        first = torch.zeros(self.k, self.batch, self.net[0])
        first[0] = self.x
        a = [first]
        unit = self.nu.sum(1)[:, None, None]
        for w in self.w:                                       # neurons start at zero: nothing is kept
            z = torch.baddbmm(unit * w[:, -1:], self.mix(self.nu, a[-1]), w[:, :-1], alpha=self.rate, beta=self.rate)
            a.append(self.activate(z))
        return a

    def candidate(self, steps):
        for _ in range(steps):
            self.step()
        with self.torch.no_grad():
            for _ in range(QUERIES):
                self.forward()

    def step(self):
        torch = self.torch
        with torch.no_grad():
            a = self.forward()
            a[-1][1] = self.y
            a[-1][2:] = 0
            for l in range(len(self.w) - 1, 0, -1):            # the input layer is clamped
                a[l] = self.activate(torch.baddbmm(a[l], self.mix(self.mu, a[l + 1]), self.v[l], beta=self.keep, alpha=self.rate))
            for l in range(len(self.w)):
                self.w[l] = self.update(self.w[l], a[l], a[l + 1], True)
                self.v[l] = self.update(self.v[l], a[l + 1], a[l], False)


class MetaBlur:
    """The same rule for autograd: nothing in place, the genome as leaves; R networks side by side, each with a genome and
    data of its own, as one batch of products.

    a[l]: [R, k, batch, n_l]; w[l]: [R, k, n_l + 1, n_m]; v[l]: [R, k, n_m, n_l]; genome values: a leading axis R."""

    def __init__(self, k, net, batch, steps, networks):
        import torch

        self.torch, self.k, self.steps, self.networks = torch, k, steps, networks
        shapes = dict(nu=(k, k), mu=(k, k), pm=(k, k), qm=(k, k), gain=(k, 1, 1), shift=(k, 1, 1))
        shapes.update({name: (1, 1, 1) for name in ("keep", "rate", "synapse_keep", "synapse_rate")})
        constant = dict(gain=1.0, shift=0.0, keep=1.0, rate=1.0, synapse_keep=1.0, synapse_rate=-1e-3)
        for name, shape in shapes.items():
            value = torch.full((networks, *shape), constant[name]) if name in constant else torch.randn(networks, *shape)
            setattr(self, name, value.requires_grad_())
        self.genome = [getattr(self, name) for name in shapes]
        self.w = [0.1 * torch.randn(networks, k, n + 1, m) for n, m in zip(net, net[1:])]
        self.v = [0.1 * torch.randn(networks, k, m, n) for n, m in zip(net, net[1:])]
        self.x = torch.randn(networks, batch, net[0])
        self.y = -torch.ones(networks, batch, net[-1])
        self.y[:, :, 0] = 1

    def mix(self, matrix, a):
        return self.torch.bmm(matrix, a.flatten(2)).view_as(a)

    def times(self, left, right):
        """A product for each network and state."""
        return self.torch.bmm(left.flatten(0, 1), right.flatten(0, 1)).view(*left.shape[:2], left.shape[2], right.shape[3])

    def activate(self, z):
        centred = z - z.mean(2, keepdim=True)
        scale = self.torch.rsqrt((centred * centred).mean(2, keepdim=True) + 1e-5)
        return self.torch.tanh(self.gain * (centred * scale) + self.shift)

    def forward(self, w):
        first = self.torch.zeros(self.networks, self.k, *self.x.shape[1:])
        first[:, 0] = self.x
        a, unit = [first], self.nu.sum(2)[:, :, None, None]
        for synapse in w:
            z = self.times(self.mix(self.nu, a[-1]), synapse[:, :, :-1]) + unit * synapse[:, :, -1:]
            a.append(self.activate(self.rate * z))
        return a

    def update(self, synapse, pre, post, bias):
        left, right = self.mix(self.pm.transpose(1, 2), pre), self.mix(self.qm, post)
        change = self.times(left.transpose(2, 3), right)
        if bias:
            row = self.pm.sum(1)[:, :, None, None] * right.sum(2, keepdim=True)
            change = self.torch.cat([change, row], 2)
        return self.synapse_keep * synapse + self.synapse_rate * change

    def step(self, w, v):
        a = self.forward(w)
        a[-1] = self.torch.cat([a[-1][:, :1], self.y[:, None], self.torch.zeros_like(a[-1][:, 2:])], 1)
        for l in range(len(w) - 1, 0, -1):
            back = self.times(self.mix(self.mu, a[l + 1]), v[l])
            a[l] = self.activate(self.keep * a[l] + self.rate * back)
        return ([self.update(w[l], a[l], a[l + 1], True) for l in range(len(w))],
                [self.update(v[l], a[l + 1], a[l], False) for l in range(len(v))])

    def loss(self):
        w, v = self.w, self.v
        for _ in range(self.steps):
            w, v = self.step(w, v)
        h = self.forward(w)[-1][:, 0]
        if h.shape[-1] > 1:
            return -(self.torch.log_softmax(h, -1) * (self.y > 0)).sum(-1).mean()
        return ((h - self.y) ** 2).mean()

    def gradient(self):
        return self.torch.autograd.grad(self.loss(), self.genome, allow_unused=True)


# ---- measuring


def median_time(step, budget=1.0):
    before = time.perf_counter()
    step()
    if time.perf_counter() - before < 0.1:
        step()
    times, start = [], time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - start < budget and len(times) < 2000):
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def made(workload):
    """What runs a workload once: of a generation one candidate."""
    if workload.candidates:
        return lambda one=Blur(workload.states, workload.net, workload.batch): one.candidate(workload.unroll)
    if workload.unroll:
        return MetaBlur(workload.states, workload.net, workload.batch, workload.unroll, workload.networks).gradient
    if workload.rule == "backprop":
        return make_backprop(workload.net, workload.batch)
    return Blur(workload.states, workload.net, workload.batch).step


def set_up():
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)


def serve():
    """A peer process: reads numbers of workloads, answers with seconds a step, or a meta-gradient."""
    set_up()
    ready = {}
    for line in sys.stdin:
        number = int(line)
        if number not in ready:
            ready[number] = made(WORKLOADS[number])
        print(median_time(ready[number]) * max(WORKLOADS[number].candidates, 1), flush=True)


def kilobytes(word):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(word))


def tell_memory(number):
    """A process of its own: prints the bytes that a workload takes."""
    set_up()
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")                                        # the peak begins anew
    before = kilobytes("VmRSS:")
    run = made(WORKLOADS[number])
    for _ in range(3):
        run()
    print(1024 * (kilobytes("VmHWM:") - before))


def environment_of(threads, core):
    return dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), OPENBLAS_CORETYPE=core)


def start_peer(threads, core):
    return subprocess.Popen([sys.executable, __file__, "--serve"], env=environment_of(threads, core), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def peer_memory(threads, core, number):
    run = subprocess.run([sys.executable, __file__, "--tell-memory", str(number)], env=environment_of(threads, core), check=True,
                         stdout=subprocess.PIPE, text=True)
    return int(run.stdout)


def ask(peer, number):
    peer.stdin.write(f"{number}\n")
    peer.stdin.flush()
    return float(peer.stdout.readline())


def own_generation(blur):
    """Seconds a generation: a run of nine less one of one, both with the check that a run begins with."""
    seconds = []
    for steps in ("1", "9"):
        command = [blur, "meta", EVOLVED, "--json", "--steps", steps, "--checkpoints", "none", "--runs", "none", "--set", "meta.every=1000"]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        seconds.append(json.loads(lines[-1])["seconds"])
    return (seconds[1] - seconds[0]) / 8


def own_figures(blur, workload):
    """Seconds, and bytes or None."""
    if workload.candidates:
        return own_generation(blur), None
    command = [blur, "bench", f"std.{workload.rule}", "--set", f"k={workload.states}" if workload.rule == "blur" else "act=tanh",
               "--net", "-".join(map(str, workload.net)), "--batch", str(workload.batch), "--json"]
    if workload.unroll:
        command += ["--unroll", str(workload.unroll), "--networks", str(workload.networks)]
    if workload.memory:
        command += ["--memory", workload.memory]
    figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return figures["gradient_seconds" if workload.unroll else "step_seconds"], figures.get("resident_bytes")


def option(name, otherwise):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else otherwise


def goal_text(goal, unit="x"):
    return "" if goal is None else f"{goal:g}{unit}"


def main():
    blur, word = sys.argv[1], option("--only", "")
    chosen = [number for number, workload in enumerate(WORKLOADS) if word in workload.name]
    peers = {f"{core}/{threads}": start_peer(threads, core) for threads, core in PEERS}
    own = {number: [] for number in chosen}
    other = {number: {name: [] for name in peers} for number in chosen}
    for _ in range(int(option("--rounds", ROUNDS))):
        for number in chosen:
            own[number].append(own_figures(blur, WORKLOADS[number]))
            for name, peer in peers.items():
                other[number][name].append(ask(peer, number))
    for peer in peers.values():
        peer.stdin.close()
        peer.wait()
    print(f"{'a step, meta-gradient, generation, ms':37s} {'blur':>9s} {'PyTorch':>9s} {'its best at':>12s} {'ratio':>7s} {'goal':>6s}")
    rows = []
    for number in chosen:
        workload = WORKLOADS[number]
        times = {name: statistics.median(values) for name, values in other[number].items()}
        best = min(times, key=times.get)
        mine = statistics.median(seconds for seconds, _ in own[number])
        ratio = times[best] / mine
        print(f"{workload.name:37s} {1e3 * mine:9.4f} {1e3 * times[best]:9.4f} {best:>12s} {ratio:6.1f}x {goal_text(workload.goal):>6s}")
        rows.append(dict(work=workload.name, blur=mine, peer=times, ratio=ratio, goal=workload.goal))
    unrolled = [number for number in chosen if WORKLOADS[number].unroll and not WORKLOADS[number].candidates]
    if unrolled:
        print(f"\n{'memory of it, MB':30s} {'blur':>9s} {'PyTorch':>9s} {'its best at':>12s} {'share':>8s} {'goal':>6s}")
    for number in unrolled:
        workload = WORKLOADS[number]
        mine = statistics.median(resident for _, resident in own[number])
        memory = {f"{core}/{threads}": peer_memory(threads, core, number) for threads, core in PEERS}
        best = min(memory, key=memory.get)
        share, goal = mine / memory[best], workload.memory_goal
        print(f"{workload.name:30s} {1e-6 * mine:9.1f} {1e-6 * memory[best]:9.1f} {best:>12s} {100 * share:6.1f} % "
              f"{goal_text(None if goal is None else 100 * goal, '%'):>6s}")
        row = next(row for row in rows if row["work"] == workload.name)
        row.update(blur_bytes=mine, peer_bytes=memory, memory_share=share, memory_goal=goal)
    if "--json" in sys.argv:
        with open(option("--json", None), "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    elif "--tell-memory" in sys.argv:
        tell_memory(int(option("--tell-memory", None)))
    else:
        main()
