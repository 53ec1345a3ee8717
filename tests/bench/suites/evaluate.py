"""Images a second of an evaluation (TagAlign, two windows an image, softmax and counts included), and its memory.

Ours is the real `tagalign-worker evaluate`: a data set of the same images for each round, timed from its first image on, and
stopped in the others' turns. The limit is the rate at which our image encoder and projector alone take the same windows, as
many at a time as an evaluation has threads: what scoring costs beside the encoder is what is missing to 1. The rate of CPU
counts the images that begin after the first ones of all threads are done.
"""
from kit import machine
from kit.processes import Server, Stepped
from kit.profile import profile
from kit.turns import LIMIT, OURS, PEER
from suites import inputs

PEER_IS = "the reference's evaluation in plain PyTorch, one image after the other on all threads (bf16: autocast)"
LIMIT_IS = "our image encoder and projector alone on as many windows"
ROUNDS = 3
DAEMONS = False
GOAL = 0.92  # of the limit
BF16_GOAL = 1.8
IMAGE = "480x360"
WINDOWS = 2  # of such an image: 448 × 598 in windows of 448 every 224
LARGE = "2048x1536"
LARGE_GOAL_MB = 2000
FIRST, DONE = r"image 1 of \d+", r"result: "


def add_options(parser):
    parser.add_argument("--classes", default=None, help="numbers of classes, separated by commas (default: 21,171; quick: 21)")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--threads", type=int, default=machine.cores())
    parser.add_argument("--count", type=int, help="images of a turn, even (default: 8; quick: 12)")
    parser.add_argument("--large", action="store_true", help=f"also the memory of one image of {LARGE} with 171 classes; minutes")


def config_of(bench, shape, photos, checkpoint, clip, sets, classes, precision):
    names = ", ".join(f"class {number}" for number in range(classes))
    entries = "".join(f"""
  - name: set{number}
    root: {photos}
    class_names: [{names}]
    short_side: {shape.window}
    window: {shape.window}
    stride: {shape.window // 2}
""" for number in range(sets))
    return f"""
runtime: {{threads_per_rank: {bench.options.threads}, precision: {precision}}}
method: {{name: tagalign}}
clip: {{weights: {clip}, attention: surgery}}
checkpoint: {checkpoint}
output: {bench.folder}/results-{classes}-{precision}
datasets:{entries}"""


class Ours:
    def __init__(self, bench, name, config):
        path = bench.folder / f"{name}.yml"
        path.write_text(config)
        self.process = bench.keep(Stepped([bench.program("tagalign-worker"), "evaluate", "--config", path], bench.folder, name))
        self.name = name

    def images(self):
        """(seconds, CPU seconds) from the first image of the next set to its result."""
        self.process.turn(FIRST)
        begun = self.process.told_s()
        _, _, cpu = self.process.turn(DONE)
        wall = self.process.told_s() - begun
        self.peak = machine.peak_mb(self.process.pids())
        self.process.pause()
        return wall, cpu


def our_turn(ours, rows, count, threads):
    def turn(number):
        wall, cpu = ours.images()
        rows["speed"].note(OURS, number, count / wall)
        rows["thrift"].note(OURS, number, (count + 1 - threads) / cpu)
        rows["memory"].note(OURS, number, ours.peak)
    return turn


def peer_turn(server, rows, count):
    def turn(number):
        before, begin = machine.cpu_s(server.pids()), machine.now()
        found = server.one(f"images {count}")
        rows["speed"].note(PEER, number, count / (machine.now() - begin))
        rows["thrift"].note(PEER, number, count / (machine.cpu_s(server.pids()) - before))
        rows["memory"].note(PEER, number, found["peak_mb"])
    return turn


def limit_turn(server, rows, shape, precision, count):
    def turn(number):
        found = server.one(f"encode {precision} {shape.window} {count}")
        rows["speed"].note(LIMIT, number, found["windows"] / WINDOWS / found["wall"])
        rows["thrift"].note(LIMIT, number, found["windows"] / WINDOWS / found["cpu"])
    return turn


def rows_of(report, title):
    return {"speed": report.row(title, "images/s", goal=(LIMIT, GOAL)), "thrift": report.row(f"{title}, CPU", "images/s of CPU"),
            "memory": report.row(f"{title}, peak memory", "MB", higher_is_better=False)}


def run_one(bench, work, classes, precision):
    shape, photos, checkpoint, clip, python, count = work
    threads = bench.options.threads
    rows = rows_of(bench.report, f"{precision}, {classes} classes")
    sets = bench.options.rounds + (2 if bench.options.profile else 0)
    ours = Ours(bench, f"evaluate-{classes}-{precision}",
                config_of(bench, shape, photos, checkpoint, clip, sets, classes, precision))
    limit = bench.keep(Server([bench.program("bench_model"), "limits", shape.name, threads]))
    contestants = {OURS: our_turn(ours, rows, count, threads), LIMIT: limit_turn(limit, rows, shape, precision, count // threads)}
    if python:
        peer = bench.keep(Server([python, bench.peer("evaluate_peer"), photos, shape.name, shape.window, classes, threads, precision],
                                 threads, bench.folder / "peer.log"))
        peer.one("images 1")
        contestants[PEER] = peer_turn(peer, rows, count)
    bench.turns(contestants)
    if bench.options.profile:
        profile(f"our evaluation, {precision}, {classes} classes", ours.process.pids(), ours.images)
    bench.close()


def large_image(bench, work):
    """Peak memory of the whole process, of which the weights are some 600 MB."""
    shape, _, checkpoint, clip, _, _ = work
    photos = inputs.photographs(bench, "large", 1, LARGE, classes=171)
    row = bench.report.row(f"one image of {LARGE}, 171 classes, peak memory", "MB", False, (OURS, LARGE_GOAL_MB))
    ours = Ours(bench, "evaluate-large", config_of(bench, shape, photos, checkpoint, clip, 1, 171, "fp32"))
    ours.process.turn(DONE)
    row.note(OURS, 0, machine.peak_mb(ours.process.pids()))
    bench.close()


def run(bench):
    options, shape = bench.options, inputs.shape_of(bench.options)
    count = options.count or (12 if options.quick else 8)
    # One more than a turn counts: the first is done before the clock starts.
    photos = inputs.photographs(bench, "photographs", count + 1, IMAGE, quality=90)
    clip = inputs.clip_weights(bench, shape)
    work = (shape, photos, inputs.trained_projector(bench, shape, photos, clip), clip, bench.python(), count)
    for classes in map(int, (options.classes or ("21" if options.quick else "21,171")).split(",")):
        for precision in options.precisions.split(","):
            run_one(bench, work, classes, precision)
        bench.report.remark_on_bf16(f"fp32, {classes} classes", f"bf16, {classes} classes", BF16_GOAL)
    if options.large:
        large_image(bench, work)
