"""How long a start takes: ranks until they are up, a training until its first step, a small job of a workflow.

The limit of ranks is a program that starts MPI, loads LibTorch and makes one tensor; of the training's rows there is none.
The peer's first step reads the embedding of its tags from a file, as the reference does; ours makes it once and keeps it
beside the checkpoints: "made" is the start without, "kept" the next one. Batch 8, fp32. A further small job is the
difference of workflows of 12 and of 4 evaluations that share their ranks, divided by 8.
"""
import shutil

from kit import machine
from kit.processes import Server, Stepped, timed
from kit.profile import profile
from kit.turns import LIMIT, OURS, PEER
from shared_start_bench import MODEL, Tagalign
from suites import inputs
from suites.train import STEP

PEER_IS = "`import torch`; the reference's training in plain PyTorch, until its first step"
LIMIT_IS = "a rank of MPI that loads LibTorch and makes one tensor"
ROUNDS = 5
DAEMONS = True
RANKS = 2
BEYOND_MS_MAX, FIRST_STEP_S_MAX, SMALL_JOB_MS_MAX = 150, 10, 150
MANY, FEW = 12, 4
BATCH = 8


def add_options(parser):
    parser.add_argument("--tags", type=int, help="default: 10000; quick: 200")
    parser.add_argument("--threads", type=int, default=machine.cores(), help="of the training")


def rank_rows(bench):
    """One rank, then several under mpirun, against the same with nothing but LibTorch's load."""
    one = bench.report.row("a rank until it has said what it is", "s", False)
    gang = bench.report.row(f"{RANKS} ranks of mpirun, likewise", "s", False)
    beyond = bench.report.row(f"{RANKS} ranks of mpirun, beyond LibTorch's own load", "ms", False, (OURS, BEYOND_MS_MAX))
    worker, load = [bench.program("tagalign-worker"), "probe"], [bench.program("bench_torch_load")]
    mpirun = [*inputs.MPIRUN, RANKS]

    def turn(number):
        one.note(OURS, number, timed(worker)[0])
        one.note(LIMIT, number, timed(load)[0])
        ours, least = timed([*mpirun, *worker])[0], timed([*mpirun, *load])[0]
        gang.note(OURS, number, ours)
        gang.note(LIMIT, number, least)
        beyond.note(OURS, number, 1e3 * (ours - least))
    return turn, one


def training(bench, config):
    """(start, seconds until the first step)"""
    begin = machine.now()
    process = bench.keep(Stepped([bench.program("tagalign-worker"), "train", "--config", config], bench.folder, "first-step",
                                 bench.options.threads))
    process.turn(STEP)
    taken = machine.now() - begin
    bench.close()
    return taken


def first_step_rows(bench, shape, photos, tags):
    made = bench.report.row(f"training until its first step, {tags} tags, table made", "s", False)
    kept = bench.report.row(f"training until its first step, {tags} tags, table kept", "s", False, (OURS, FIRST_STEP_S_MAX))
    clip, checkpoints = inputs.clip_weights(bench, shape), bench.folder / "first-step"
    config = bench.folder / "first-step.yml"
    config.write_text(inputs.training(shape, photos, clip, batch=BATCH, steps=1_000_000, threads=bench.options.threads,
                                      checkpoints=checkpoints))

    def turn(number):
        shutil.rmtree(checkpoints, ignore_errors=True)
        made.note(OURS, number, training(bench, config))
        kept.note(OURS, number, training(bench, config))
    return turn, (made, kept), config


def peer_turn(bench, python, shape, photos, one, rows):
    command = [python, bench.peer("train_peer"), photos, shape.name, BATCH, bench.options.threads, "fp32", photos / "embedding.pt"]

    def first_step():
        begin = machine.now()
        bench.keep(Server(command, bench.options.threads, bench.folder / "peer.log")).ask("steps 1")
        taken = machine.now() - begin
        bench.close()
        return taken

    first_step()  # makes the embedding's file

    def turn(number):
        one.note(PEER, number, timed([python, "-c", "import torch"])[0])
        taken = first_step()
        for row in rows:
            row.note(PEER, number, taken)
    return turn


def small_jobs(bench):
    apart = bench.report.row("a small evaluation in ranks of its own", "ms", False)
    further = bench.report.row("a further small evaluation in ranks that are up", "ms", False, (OURS, SMALL_JOB_MS_MAX))
    with Tagalign(bench.program("tagalign"), ["--slots", 1]) as system:
        system.submit_and_wait(MODEL % 4, "model")
        for number in range(bench.options.rounds):
            apart.note(OURS, number, 1e3 * system.evaluate(f"apart{number}", FEW, False)[0] / FEW)
            many, few = (system.evaluate(f"shared{number}of{count}", count, True)[0] for count in (MANY, FEW))
            further.note(OURS, number, 1e3 * (many - few) / (MANY - FEW))


def run(bench):
    quick = bench.options.quick
    shape, tags = inputs.shape_of(bench.options), bench.options.tags or (200 if quick else 10_000)
    photos = inputs.photographs(bench, "photographs", 32, "640x427", tags=tags)
    ranks, one = rank_rows(bench)
    first_step, rows, config = first_step_rows(bench, shape, photos, tags)
    python = bench.python()

    def ours(number):
        ranks(number)
        first_step(number)

    bench.turns({OURS: ours, **({PEER: peer_turn(bench, python, shape, photos, one, rows)} if python else {})})
    small_jobs(bench)
    if bench.options.profile:
        process = bench.keep(Stepped([bench.program("tagalign-worker"), "train", "--config", config], bench.folder, "profiled"))
        profile("a start until its first step, table kept", process.pids(), lambda: process.turn(STEP))
