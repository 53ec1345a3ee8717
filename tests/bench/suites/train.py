"""Training steps of TagAlign (GDecoder, photographs, loader included), fp32 and bf16, on one rank and on several.

Ours is the real `tagalign-worker train`: it works only in its turn and is stopped in the others'. The limit is the matrix
rate that the same run measures, divided by the products that a step cannot do without: the frozen image encoder but for
what of its last block nobody reads, and the projector forward and backward; captions are not counted, because their
features can be kept.
"""
from pathlib import Path

from kit import machine
from kit.processes import Server, Stepped
from kit.profile import profile
from kit.turns import LIMIT, OURS, PEER
from suites import inputs

PEER_IS = "the reference's training in plain PyTorch, with Pillow and one worker of a DataLoader (bf16: autocast)"
LIMIT_IS = "products that a step cannot do without, at the matrix rate of the same run"
ROUNDS = 5
DAEMONS = False
GOALS = {"fp32": 0.93, "bf16": 0.88}  # of the limit
WARM_STEPS = 2
STEP = r"train: step (\d+) of"


def add_options(parser):
    cores = machine.cores()
    parser.add_argument("--images", type=Path, help="a folder of JPEGs to train on in place of drawn ones")
    parser.add_argument("--batch", type=int, help="samples of a step over all ranks (default: 32; quick: 16)")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--layouts", default=f"1x{cores}" + (f",{cores}x1" if cores > 1 else ""),
                        help="RANKSxTHREADS, several separated by commas (default: %(default)s)")
    parser.add_argument("--tags", type=int, help="default: 10000, which a first start takes a minute to embed; quick: 100")
    parser.add_argument("--steps", type=int, help="of a turn (default: 1; quick: 4)")


def gflop_a_sample(shape):
    """Products alone; a product of [m, k] and [k, n] counts 2·m·k·n."""
    tokens, width, layers = 1 + shape.patches, shape.width, shape.layers
    square, attention = 2 * tokens * width**2, 4 * tokens**2 * width
    whole = 12 * square + attention
    stem = 2 * shape.patches * 3 * 16**2 * width
    surgery = 6 * (attention + square)  # values by values, and a second pass through the output projection
    unread = 2 * square + attention + square + 8 * square  # of the last block: q and k, their attention, its MLP
    convolutions = 4 * 2 * 9 * width**2 * shape.patches
    projection = 2 * shape.patches * width * shape.embed
    return 1e-9 * (stem + layers * whole + surgery - unread + 3 * (convolutions + projection))


class Ours:
    def __init__(self, bench, shape, photos, clip, layout, precision):
        ranks, threads = layout
        name = f"train-{precision}-{ranks}x{threads}"
        config = bench.folder / f"{name}.yml"
        config.write_text(inputs.training(shape, photos, clip, batch=bench.batch, steps=1_000_000, threads=threads,
                                          precision=precision, checkpoints=bench.folder / name))
        start = [] if ranks == 1 else [*inputs.MPIRUN, ranks]
        self.process = bench.keep(Stepped([*start, bench.program("tagalign-worker"), "train", "--config", config],
                                          bench.folder, name, threads))
        self.step = 0
        self.steps(WARM_STEPS)

    def steps(self, count):
        """(seconds, CPU seconds) of a step."""
        begun, wall, cpu = self.step, 0.0, 0.0
        while self.step < begun + count:
            found, taken, used = self.process.turn(STEP)
            self.step, wall, cpu = int(found[1]), wall + taken, cpu + used
        self.process.pause()
        done = self.step - begun
        return wall / done, cpu / done


class Peer:
    def __init__(self, bench, shape, photos, python, threads, precision):
        self.server = bench.keep(Server([python, bench.peer("train_peer"), photos, shape.name, bench.batch, threads, precision,
                                         photos / "embedding.pt"], threads, bench.folder / f"peer-{precision}.log"))
        self.steps(WARM_STEPS)

    def steps(self, count):
        before, begin = machine.cpu_s(self.server.pids()), machine.now()
        self.server.ask(f"steps {count}")
        return (machine.now() - begin) / count, (machine.cpu_s(self.server.pids()) - before) / count


def measured(contestant, rows, who, bench):
    def turn(number):
        wall, cpu = contestant.steps(bench.steps)
        for speed, thrift in rows:
            speed.note(who, number, bench.batch / wall)
            thrift.note(who, number, bench.batch / cpu)
    return turn


def limits(bench, shape, rows, precision, threads):
    server = bench.keep(Server([bench.program("bench_model"), "limits", shape.name, threads], threads))
    tokens = bench.batch * (1 + shape.patches)

    def turn(number):
        rate = server.one(f"gemm {precision} {tokens}")["gflops"]
        for speed, thrift in rows:
            speed.note(LIMIT, number, rate / gflop_a_sample(shape))
            thrift.note(LIMIT, number, rate / gflop_a_sample(shape) / threads)
        bench.rate.note(OURS, number, rate)
    return turn


def title_of(precision, layout):
    return f"{precision}, {layout[0]} × {layout[1]} (ranks × threads)"


def run_precision(bench, shape, photos, clip, python, precision):
    layouts = bench.layouts
    threads = max(ranks * threads for ranks, threads in layouts)
    bench.rate = bench.report.row(f"{precision}: matrix rate, {threads} threads", "GFLOP/s")
    rows = {}
    for layout in layouts:
        title = title_of(precision, layout)
        rows[layout] = (bench.report.row(title, "samples/s", goal=(LIMIT, GOALS[precision])),
                        bench.report.row(f"{title}, CPU", "samples/s of CPU"))
    contestants = {LIMIT: limits(bench, shape, rows.values(), precision, threads)}
    ours = {layout: Ours(bench, shape, photos, clip, layout, precision) for layout in layouts}
    for layout, contestant in ours.items():
        contestants[f"{OURS} {layout}"] = measured(contestant, [rows[layout]], OURS, bench)
    if python:
        contestants[PEER] = measured(Peer(bench, shape, photos, python, threads, precision), list(rows.values()), PEER, bench)
    bench.turns(contestants)
    if bench.options.profile:
        for layout, contestant in ours.items():
            profile(f"our training, {precision}, {layout[0]} ranks of {layout[1]} threads", contestant.process.pids(),
                    lambda contestant=contestant: contestant.steps(3 * bench.steps))
    bench.close()


def run(bench):
    quick = bench.options.quick
    shape = inputs.shape_of(bench.options)
    bench.batch, bench.steps = bench.options.batch or (16 if quick else 32), bench.options.steps or (4 if quick else 1)
    photos = inputs.photographs(bench, "photographs", max(64, 2 * bench.batch), "640x427", tags=bench.options.tags or (100 if quick else 10_000))
    clip = inputs.clip_weights(bench, shape)
    python = bench.python()
    bench.report.remark(f"batch {bench.batch}; a sample counts {gflop_a_sample(shape):.2f} GFLOP")
    bench.layouts = [tuple(map(int, layout.split("x"))) for layout in bench.options.layouts.split(",")]
    for precision in bench.options.precisions.split(","):
        run_precision(bench, shape, photos, clip, python, precision)
    for layout in bench.layouts:
        bench.report.remark_on_bf16(title_of("fp32", layout), title_of("bf16", layout))
