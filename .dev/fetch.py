#!/usr/bin/env python3
"""Fetches pinned wheels from the package index that pip is configured for, and unpacks what a C++ build needs.

  fetch.py libtorch cpu|cuda CACHE      CACHE/libtorch-VERSION-cpu/{torch,nvidia}
  fetch.py vocabulary CACHE             CACHE/bpe_simple_vocab_16e6.txt.gz

A download that was cut off goes on where it stopped; every file is checked against its SHA-256 before it is used; what is
already complete is left alone. Needs nothing but Python 3 and pip (for the index's address).
"""
import hashlib
import html.parser
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY = 'bpe_simple_vocab_16e6.txt.gz'
VOCABULARY_SHA256 = '924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a'
VOCABULARY_WHEEL = ('open_clip_torch', '3.3.0')
ATTEMPTS = 5


def fail(message):
    sys.exit(f'fetch: {message}')


def pip_setting(name):
    """pip's own configuration: environment, then files."""
    value = os.environ.get('PIP_' + name.upper().replace('-', '_'))
    if value:
        return value
    result = subprocess.run([sys.executable, '-m', 'pip', 'config', 'get', f'global.{name}'],
                            capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


def index_url():
    url = pip_setting('index-url')
    if url:
        return url.rstrip('/')
    from pip._internal.models.index import PyPI
    return PyPI.simple_url.rstrip('/')


def tls_context():
    bundle = pip_setting('cert') or os.environ.get('SSL_CERT_FILE')
    return ssl.create_default_context(cafile=bundle if bundle and os.path.exists(bundle) else None)


class LinkParser(html.parser.HTMLParser):
    def __init__(self, base):
        super().__init__()
        self.base, self.links = base, []

    def handle_starttag(self, tag, attrs):
        href = dict(attrs).get('href')
        if tag == 'a' and href:
            self.links.append(urllib.parse.urljoin(self.base, href))


def files_of(project, context):
    """All files of a project as (url, sha256): the index answers in JSON (PEP 691) or HTML (PEP 503)."""
    page = f'{index_url()}/{project.replace("_", "-").lower()}/'
    request = urllib.request.Request(page, headers={'Accept': 'application/vnd.pypi.simple.v1+json, text/html;q=0.5'})
    with urllib.request.urlopen(request, context=context, timeout=60) as answer:
        body, kind, base = answer.read(), answer.headers.get_content_type(), answer.geturl()
    if kind.endswith('json'):
        return [(urllib.parse.urljoin(base, f['url']), f['hashes'].get('sha256', '')) for f in json.loads(body)['files']]
    parser = LinkParser(base)
    parser.feed(body.decode('utf-8', 'replace'))
    return [(link.split('#')[0], link.partition('#sha256=')[2]) for link in parser.links]


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def download_rest(url, part, context):
    have = part.stat().st_size if part.exists() else 0
    headers = {'Range': f'bytes={have}-'} if have else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=context, timeout=60) as answer:
        resumed = have and answer.status == 206
        total = int(answer.headers.get('Content-Length', 0)) + (have if resumed else 0)
        done, shown = (have if resumed else 0), time.monotonic()
        with open(part, 'ab' if resumed else 'wb') as file:
            while block := answer.read(1 << 20):
                file.write(block)
                done += len(block)
                if time.monotonic() - shown > 5:
                    shown = time.monotonic()
                    print(f'   {done >> 20} of {total >> 20} MiB', flush=True)
        if total and done < total:
            raise urllib.error.URLError(f'cut off at {done} of {total} bytes')


def download(project, version, wanted, folder, context):
    """The file with that hash, in `folder`; '' as hash takes the version's only wheel, whose content is checked later."""
    target = folder / f'{project}-{version}.whl'
    if target.exists() and (not wanted or sha256_of(target) == wanted):
        return target
    matches = [u for u, h in files_of(project, context)
               if (h == wanted if wanted else f'-{version}-' in u and u.endswith('.whl'))]
    if not matches:
        fail(f'{project} {version}: the package index {index_url()} has no such file; is it a mirror that lags behind?')
    part = target.with_suffix('.part')
    for attempt in range(1, ATTEMPTS + 1):
        print(f'   {project} {version}' + (f' (resumed at {part.stat().st_size >> 20} MiB)' if part.exists() else ''), flush=True)
        try:
            download_rest(matches[0], part, context)
        except (urllib.error.URLError, OSError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                pass  # nothing was missing: the hash decides
            elif attempt == ATTEMPTS:
                fail(f'{project} {version}: {error}; run the command again, it goes on where it stopped')
            else:
                time.sleep(2 * attempt)
                continue
        if not wanted or sha256_of(part) == wanted:
            part.rename(target)
            return target
        print(f'   {project} {version}: wrong SHA-256, fetching anew', flush=True)
        part.unlink()
    fail(f'{project} {version}: the downloads never had the SHA-256 {wanted}')


def wanted_by_cpp(name, mode):
    """Headers and libraries, without what only Python or (in a CPU build) CUDA needs."""
    base = name.rsplit('/', 1)[-1]
    if base in ('libtorch_python.so', 'libshm.so', 'libtorch_global_deps.so'):
        return False
    if mode == 'cpu' and base.startswith(('libtorch_cuda', 'libc10_cuda', 'libtorch_nvshmem', 'libcaffe2_nvrtc', 'libtorch.so')):
        return False
    if name.startswith('nvidia/cu13/lib/'):
        return base.startswith(('libcudart.so', 'libcupti.so', 'libcufile'))
    if name.startswith('nvidia/'):
        return '/lib/' in name and '.so' in base
    return name.startswith('torch/include/') or (name.startswith('torch/lib/') and name.count('/') == 2)


def libtorch(mode, cache):
    listing = HERE / f'wheels-{mode}.txt'
    wheels = [line.split() for line in listing.read_text().splitlines() if line and not line.startswith('#')]
    target = cache / f'libtorch-{wheels[0][1]}-{mode}'
    stamp = target / '.complete'
    if stamp.exists() and stamp.read_text() == listing.read_text():
        return
    print(f'== fetching LibTorch {wheels[0][1]} ({mode})', flush=True)
    downloads, fresh, context = cache / 'downloads', cache / f'.{target.name}.unpacking', tls_context()
    downloads.mkdir(parents=True, exist_ok=True)
    paths = [download(project, version, sha, downloads, context) for project, version, sha in wheels]
    shutil.rmtree(fresh, ignore_errors=True)
    for path in paths:
        print(f'   unpacking {path.name}', flush=True)
        with zipfile.ZipFile(path) as archive:
            for item in archive.infolist():
                if not item.is_dir() and wanted_by_cpp(item.filename, mode):
                    archive.extract(item, fresh)
    (fresh / '.complete').write_text(listing.read_text())
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    shutil.rmtree(downloads)


def vocabulary(cache):
    target = cache / VOCABULARY
    if target.exists() and sha256_of(target) == VOCABULARY_SHA256:
        return
    print('== fetching CLIP\'s byte-pair vocabulary', flush=True)
    downloads = cache / 'downloads-vocabulary'
    downloads.mkdir(parents=True, exist_ok=True)
    wheel = download(*VOCABULARY_WHEEL, '', downloads, tls_context())
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(f'open_clip/{VOCABULARY}')
    if hashlib.sha256(content).hexdigest() != VOCABULARY_SHA256:
        fail(f'{VOCABULARY} in {wheel.name} is not the expected file')
    temporary = target.with_suffix('.tmp')
    temporary.write_bytes(content)
    temporary.rename(target)
    shutil.rmtree(downloads)


def main(arguments):
    if len(arguments) == 3 and arguments[0] == 'libtorch' and arguments[1] in ('cpu', 'cuda'):
        libtorch(arguments[1], pathlib.Path(arguments[2]))
    elif len(arguments) == 2 and arguments[0] == 'vocabulary':
        vocabulary(pathlib.Path(arguments[1]))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
