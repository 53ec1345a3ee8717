"""The same tasks through HyperQueue: hyperqueue_peer.py COUNT SLOTS SINGLE; prints one line of JSON. Server, worker and
client are one process there, and the server keeps its jobs in memory."""
import glob
import json
import os
import resource
import sys
import time

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def wait_of_one(client, number):
    """Seconds from the submission of a single task to its start."""
    time.sleep(0.3)
    job, begin = Job(), time.time()
    job.program(["date", "+%s.%N"], stdout=f"stamp{number}", stderr=None)
    client.wait_for_jobs([client.submit(job)])
    with open(f"stamp{number}") as stream:
        return float(stream.read()) - begin


def many(client, count):
    job = Job()
    for number in range(count):
        job.program(["/bin/true"], stdout=f"o{number}", stderr=None)
    used, begin = cpu_s(), time.time()
    submitted = client.submit(job)
    taken = time.time() - begin
    client.wait_for_jobs([submitted])
    starts = sorted(os.stat(name).st_mtime for name in glob.glob("o*"))
    return {"rate": (count - 1) / (starts[-1] - starts[0]), "submit_s": taken, "cpu_ms": (cpu_s() - used) / count * 1e3}


def main(count, slots, single):
    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=int(slots)))
        client = cluster.client()
        waits = [wait_of_one(client, number) for number in range(int(single))]
        found = many(client, int(count))
        with open("/proc/self/status") as status:
            memory = next(line for line in status if line.startswith("VmRSS")).split()[1]
        print(json.dumps({**found, "waits_s": waits, "memory_mb": int(memory) / 1024}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
