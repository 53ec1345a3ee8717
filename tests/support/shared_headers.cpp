// No code: the targets whose parsed headers all tests share need a source file.
