"""What the suites of the model work on: photographs that bench_photographs draws, random weights of a shape, and how a job of
the worker is written down. No numbers of these runs mean anything: only their speed does."""
import dataclasses
import json
import shutil

from kit.processes import run

MPIRUN = ("mpirun", "--oversubscribe", "--bind-to", "none", "-n")


@dataclasses.dataclass
class Shape:
    name: str
    side: int  # of the training crop and of a window
    width: int
    layers: int
    patches: int
    embed: int
    window: int


SMALL = Shape("small", 64, 128, 8, 16, 64, 64)
B16 = Shape("b16", 224, 768, 12, 196, 512, 448)


def shape_of(options):
    return SMALL if options.quick else B16


def photographs(bench, name, count, size, quality=95, tags=1000, classes=21):
    """A folder with images and everything beside them; of --images as many as that holds."""
    folder = bench.folder / name
    run([bench.program("bench_photographs"), folder, count, size, quality, tags, classes])
    own = getattr(bench.options, "images", None)
    if own:
        use_images(folder, own, tags)
    return folder


def use_images(folder, own, tags):
    """JPEGs of somebody else in place of the drawn ones."""
    shutil.rmtree(folder / "images")
    (folder / "images").mkdir()
    found = sorted(path for path in own.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    if not found:
        raise RuntimeError(f"--images {own}: expected JPEGs in this folder, found none; name one that holds them")
    names = [f"{number:06}.jpg" for number in range(len(found))]
    for name, path in zip(names, found):
        shutil.copyfile(path, folder / "images" / name)
    captions = [f'{name},"a photo of thing {number % tags}, seen from some way off in the evening"' for number, name in enumerate(names)]
    (folder / "captions.csv").write_text("\n".join(["file,caption", *captions]) + "\n")
    (folder / "tags.json").write_text(json.dumps({name: [number % tags] for number, name in enumerate(names)}))


def clip_weights(bench, shape):
    path = bench.folder / f"clip-{shape.name}.safetensors"
    if not path.exists():
        run([bench.program("bench_model"), "weights", path, shape.name])
    return path


def training(shape, photos, clip, *, batch, steps, threads=1, precision="fp32", checkpoints="checkpoints"):
    """The published training (configs/tagalign.yml) on these inputs."""
    return f"""
runtime: {{threads_per_rank: {threads}, precision: {precision}, log_every_steps: 1}}
data:
  root: {photos}/images
  captions: {photos}/captions.csv
  tags: {photos}/tags.json
  tag_names: {photos}/tag_names.txt
  image_size: {shape.side}
clip: {{weights: {clip}, attention: surgery}}
method: {{name: tagalign, projector: {{kind: gdecoder, layers: 2}}}}
optimizer: {{base_lr: 1.0e-3}}
checkpoint: {{directory: {checkpoints}, every_steps: 1000000}}
global_batch: {batch}
steps: {steps}
"""


def trained_projector(bench, shape, photos, clip):
    """A checkpoint folder, of one step."""
    folder = bench.folder / "projector"
    if not folder.exists():
        config = bench.folder / "projector.yml"
        config.write_text(training(shape, photos, clip, batch=2, steps=1, checkpoints=folder))
        run([bench.program("tagalign-worker"), "train", "--config", config], bench.folder)
    return folder
