"""What may become of a committed checkpoint. Each changes files of `new` for good; `old` is an earlier step's folder.

A function returns what it did in words, or None where the checkpoint has no such files.
"""
import shutil


def change(file, edit):
    content = bytearray(file.read_bytes())
    edit(content)
    file.write_bytes(content)


def shards(case, folder=None):
    return sorted((folder or case.new).glob(case.system.data))


def flip_bit(case):
    file = case.random.choice(shards(case))
    at = case.random.randrange(file.stat().st_size * 8)

    def edit(content):
        content[at // 8] ^= 1 << at % 8
    change(file, edit)
    return f"bit {at} of {file.name} is flipped"


def cut_off(case):
    file = case.random.choice(shards(case))
    size = case.random.choice([0, 1, 8, case.random.randrange(file.stat().st_size), file.stat().st_size - 1])
    with open(file, "r+b") as stream:
        stream.truncate(size)
    return f"{file.name} is cut off at {size}"


def zero_block(case):
    """As a file system leaves it that had the name and not yet the data."""
    file = case.random.choice(shards(case))
    block = case.random.choice([512, 4096, 65536])
    at = case.random.randrange(max(1, file.stat().st_size // block)) * block

    def edit(content):
        part = slice(at, min(at + block, len(content)))
        content[part] = bytes(part.stop - part.start)
    change(file, edit)
    return f"{file.name} is zero from {at}, {block} bytes"


def zero_tail(case):
    file = case.random.choice(shards(case))
    at = case.random.randrange(file.stat().st_size)

    def edit(content):
        content[at:] = bytes(len(content) - at)
    change(file, edit)
    return f"{file.name} is zero from {at} to its end"


def swapped_shards(case):
    files = shards(case)
    if len(files) < 2:
        return None
    one, other = case.random.sample(files, 2)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return f"{one.name} and {other.name} are swapped"


def stale_shard(case):
    file = case.random.choice(shards(case))
    shutil.copyfile(case.old / case.earlier_name(file), file)
    return f"{file.name} is that of an earlier step"


def stale_block(case):
    file = case.random.choice(shards(case))
    old = (case.old / case.earlier_name(file)).read_bytes()
    at = case.random.randrange(max(1, min(len(old), file.stat().st_size) // 4096)) * 4096

    def edit(content):
        content[at:at + 4096] = old[at:at + 4096]
    change(file, edit)
    return f"{file.name} is that of an earlier step from {at}, 4096 bytes"


def moved_block(case):
    file = case.random.choice(shards(case))
    blocks = file.stat().st_size // 4096
    if blocks < 4:
        return None
    one, other = (at * 4096 for at in case.random.sample(range(1, blocks), 2))

    def edit(content):
        content[one:one + 4096], content[other:other + 4096] = content[other:other + 4096], content[one:one + 4096]
    change(file, edit)
    return f"blocks {one} and {other} of {file.name} are swapped"


def missing_shard(case):
    file = case.random.choice(shards(case))
    file.unlink()
    return f"{file.name} is missing"


def missing_manifest(case):
    if not case.system.manifest:
        return None
    (case.new / case.system.manifest).unlink()
    return "the manifest is missing"


def stale_manifest(case):
    if not case.system.manifest:
        return None
    shutil.copyfile(case.old / case.system.manifest, case.new / case.system.manifest)
    return "the manifest is that of an earlier step"


def flip_manifest_bit(case):
    if not case.system.manifest:
        return None
    at = case.random.randrange((case.new / case.system.manifest).stat().st_size * 8)

    def edit(content):
        content[at // 8] ^= 1 << at % 8
    change(case.new / case.system.manifest, edit)
    return f"bit {at} of the manifest is flipped"


def cut_manifest(case):
    if not case.system.manifest:
        return None
    size = case.random.randrange((case.new / case.system.manifest).stat().st_size)
    with open(case.new / case.system.manifest, "r+b") as stream:
        stream.truncate(size)
    return f"the manifest is cut off at {size}"


ALL = (flip_bit, cut_off, zero_block, zero_tail, swapped_shards, stale_shard, stale_block, moved_block, missing_shard,
       missing_manifest, stale_manifest, flip_manifest_bit, cut_manifest)
